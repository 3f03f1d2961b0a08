# SPDX-License-Identifier: BSD-2-Clause
# fish completion for spf-milter-report(8).

complete -c spf-milter-report -n 'not __fish_seen_subcommand_from impact forwarders' -f -a impact -d 'What each higher level would refuse'
complete -c spf-milter-report -n 'not __fish_seen_subcommand_from impact forwarders' -f -a forwarders -d 'Sections for hosts that forward'
complete -c spf-milter-report -n 'not __fish_seen_subcommand_from impact forwarders' -s h -l help -d 'Say how it is called'
complete -c spf-milter-report -n '__fish_seen_subcommand_from impact' -l top -x -d 'How many lines a table has'
complete -c spf-milter-report -n '__fish_seen_subcommand_from impact' -l lang -x -a 'en ko' -d 'Language'
complete -c spf-milter-report -n '__fish_seen_subcommand_from impact' -l html -r -F -d 'Write a page, too'
complete -c spf-milter-report -n '__fish_seen_subcommand_from forwarders' -l domains -x -d 'The fewest unrelated domains'
