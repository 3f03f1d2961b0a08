# SPDX-License-Identifier: BSD-2-Clause
# fish completion for spf-milter-import(8).

set -l kinds qmail smf-spf policyd-spf pyspf-milter
complete -c spf-milter-import -n "not __fish_seen_subcommand_from $kinds" -f -a "$kinds"
complete -c spf-milter-import -n "not __fish_seen_subcommand_from $kinds" -s h -l help -d 'Say how it is called'
