# SPDX-License-Identifier: BSD-2-Clause
# fish completion for spf-milter(8).

# Options of the configuration and what they take come from the program.
function __spf_milter_names
    $argv[1] -n -v -c /dev/null 2>/dev/null | awk '
        /^}/ { section = "" }
        / = / && !/^#/ { print section $1 "=" }
        / \{$/ { section = $1 "." (NF > 2 ? $2 "." : "") }'
end

function __spf_milter_values
    $argv[1] -n -c /dev/null -o "$argv[2]=?" 2>&1 | awk -F 'allowed: ' '
        NF > 1 {
            count = split($2, part, /, or |, | or /)
            for (i = 1; i <= count; i++)
                if (part[i] ~ /^[a-z0-9-]+$/)
                    print part[i]
                else if (part[i] ~ /^[a-z]*[0-9] to [a-z]*[0-9]$/) {
                    split(part[i], end, " to ")
                    name = end[1]
                    sub(/[0-9]$/, "", name)
                    for (n = substr(end[1], length(end[1]));
                        n <= substr(end[2], length(end[2])); n++)
                        print name n
                }
        }'
end

function __spf_milter_settings
    set -l program (commandline -opc)[1]
    set -l name (string match -r '^(?:--option=|-o)?([a-z][a-z0-9_.]*)=' \
        -- (commandline -ct))[2]
    if test -n "$name"
        for value in (__spf_milter_values $program $name)
            echo $name=$value
        end
    else
        __spf_milter_names $program
    end
end

complete -c spf-milter -s c -l config -r -F -d 'Configuration file'
complete -c spf-milter -s o -l option -x -a '(__spf_milter_settings)' -d 'Set an option over the file'
complete -c spf-milter -s f -l foreground -d 'Stay in the foreground'
complete -c spf-milter -s b -l background -d 'Go to the background'
complete -c spf-milter -s v -l verbose -d 'Log more; with -n show every value'
complete -c spf-milter -s n -l check -d 'Check the configuration'
complete -c spf-milter -l reload -d 'Have the running daemon reload'
complete -c spf-milter -l status -d 'How the running daemon is'
complete -c spf-milter -l watch -d 'With --status, again and again'
complete -c spf-milter -s t -l dry-run -d 'Show what would happen to a message'
complete -c spf-milter -s V -l version -d 'Versions of the program and its libraries'
complete -c spf-milter -s h -l help -d 'Say what options there are'
complete -c spf-milter -l ip -x -d 'The client, or a network of a record'
complete -c spf-milter -l helo -x -d 'Name in HELO'
complete -c spf-milter -l sender -x -d 'Address in MAIL FROM'
complete -c spf-milter -l rcpt -x -d 'Address in RCPT TO'
complete -c spf-milter -l header -r -F -d 'The message, of which the header is read'
complete -c spf-milter -l zone -r -F -d 'Take the DNS from a text file'
complete -c spf-milter -l explain -d 'How each result came about, as a tree'
complete -c spf-milter -l json -d 'One JSON object a line'
complete -c spf-milter -l check-domain -x -d 'What is wrong with a published record'
complete -c spf-milter -l check-record -x -d 'The same of a record not published yet'
complete -c spf-milter -l domain -x -d 'The domain of the record'
complete -c spf-milter -l generate -d 'Write a record of its parts'
complete -c spf-milter -l mx -d 'The hosts that take mail of the domain'
complete -c spf-milter -l a -d 'The addresses of the domain'
complete -c spf-milter -l include -x -d 'The record of another domain'
complete -c spf-milter -l exists -x -d 'A name that is looked up'
complete -c spf-milter -l redirect -x -d 'The domain whose record counts'
complete -c spf-milter -l all -x -a 'fail soft neutral pass' -d 'What all others are'
complete -c spf-milter -l replay -r -F -d 'Judge the messages of a mail log once more'
complete -c spf-milter -l against -r -F -d 'Another configuration'
complete -c spf-milter -l rate -x -d 'Questions a second to the DNS'
complete -c spf-milter -l state -r -F -d 'Where to go on after an interruption'
