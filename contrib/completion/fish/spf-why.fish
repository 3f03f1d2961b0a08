# SPDX-License-Identifier: BSD-2-Clause
# fish completion for spf-why(8).

complete -c spf-why -f
complete -c spf-why -s k -l key -r -F -d 'The key that links are signed with'
complete -c spf-why -s l -l listen -x -d 'Where to listen'
complete -c spf-why -s c -l contact -x -d 'Who answers questions'
complete -c spf-why -l days -x -d 'How long a link is valid'
complete -c spf-why -l texts -x -a '(__fish_complete_directories)' -d 'Languages and style'
complete -c spf-why -l recheck -d 'Let readers look the record up again'
complete -c spf-why -l unconfined -d 'Keep what confinement takes away'
complete -c spf-why -l zone -r -F -d 'Take the DNS from a text file'
complete -c spf-why -l render -x -d 'Write the page of a link and exit'
complete -c spf-why -l language -x -a 'en ko' -d 'In this language'
complete -c spf-why -l new-key -r -F -d 'Make a key'
complete -c spf-why -s V -l version -d 'Versions of the program and its libraries'
complete -c spf-why -s h -l help -d 'Say what options there are'
