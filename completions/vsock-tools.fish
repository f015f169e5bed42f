# SPDX-License-Identifier: GPL-3.0-or-later
# Completion of the vsock-tools for fish. Options, values and choices come from the program itself
# (--list-options: letter, name, type, value, choices, default, "key" where it is a key of rules
# too, and text, with TABs between), names of guests from the hosts files.

function __vsock_tools_names
    set -l files
    if set -q VSOCK_HOSTS
        set files (string split : -- $VSOCK_HOSTS)
    else
        set -l config ~/.config
        set -q XDG_CONFIG_HOME; and set config $XDG_CONFIG_HOME
        set files $config/vsock/hosts /etc/vsock/hosts
    end
    for file in $files
        test -r $file; and awk '{ sub(/#.*/, ""); for (i = 2; i <= NF; i++) print $i }' $file
    end
end

# The options of an address, which follow after commas.
function __vsock_tools_options -a role family
    switch $role-$family
        case '*-exec' '*-fd' '*-socks5' '*-http-connect' '*-proxy-dst'
        case 'connect-tcp*'
            printf '%s\n' bind= connect-timeout= keepalive= netns= nodelay=
        case connect-udp
            printf '%s\n' bind= netns=
        case 'connect-unix*' 'connect-.*' 'connect-/*'
            printf '%s\n' connect-timeout=
        case connect-vsock-mux connect-hvsock
            printf '%s\n' connect-timeout= half-close=
        case 'connect-*'
            printf '%s\n' bind= connect-timeout= netns= to-host window=
        case 'listen-tcp*'
            printf '%s\n' backlog= keepalive= netns= nodelay=
        case listen-udp
            printf '%s\n' netns=
        case 'listen-unix*' 'listen-.*' 'listen-/*'
            printf '%s\n' backlog= group= mode= owner=
        case listen-vsock-mux listen-hvsock
            printf '%s\n' backlog= group= half-close= mode= owner=
        case 'listen-*'
            printf '%s\n' backlog= netns= window=
    end
end

function __vsock_tools_addresses -a program role
    set -l word (commandline -ct)
    switch $word
        case '*,*'
            set -l family (string replace -r ':.*' '' -- $word)
            for option in (__vsock_tools_options $role $family)
                string replace -r '[^,]*$' $option -- $word
            end
            return
        case 'unix:*' 'unix-seqpacket:*' 'vsock-mux:*'
            set -l parts (string split -m 1 : -- $word)
            for path in $parts[2]*
                test -d $path; and echo $parts[1]:$path/; or echo $parts[1]:$path
            end
            return
        case '/*' './*' '../*'
            __fish_complete_path $word
            return
    end
    printf '%s\n' vsock: vsock-seqpacket: tcp: tcp4: tcp6: unix: unix-seqpacket: vsock-mux:
    # vsock-run and vsock-ping connect more than once, and a name is enough for them
    set -l again (contains $program vsock-run vsock-ping; and echo yes)
    test -n "$again"; or echo fd:
    test $program = vsock-proxy; and echo udp:
    if test "$role" = listen
        echo vsock:any:
        return
    end
    test -n "$again"; or echo exec:
    test $program = vsock-proxy; and printf '%s\n' socks5: http-connect: proxy-dst:
    for name in host local (__vsock_tools_names)
        echo vsock:$name:
        test $program = vsock-proxy; or echo $name:
        test -n "$again"; and echo $name
    end
end

# Keys of a rule of vsock-proxy, behind a pair of addresses, and their choices.
function __vsock_tools_keys
    test (count (commandline -opc | string match -v -- '-*')) -ge 3; or return
    printf '%s\n' name= connect=
    command vsock-proxy --list-options 2>/dev/null |
    while read -l -d \t letter name kind value choices fallback key text
        test $key = key; or continue
        if test $kind = choice
            printf "$name=%s\n" (string split , -- $choices)
        else if test $value = -
            echo $name
        else
            echo $name=
        end
    end
end

function __vsock_tools_who
    printf '%s\n' any host local uid: gid: user: group: (__vsock_tools_names)
end

# The program is asked once, when its completion is loaded, and not before it is there.
for program in vsock-cat vsock-listen vsock-proxy vsock-run vsock-ping vsock-info
    command -q $program; or continue
    complete -c $program -f
    command $program --list-options 2>/dev/null |
    while read -l -d \t letter name kind value choices fallback key text
        set -l spec -l $name -d $text
        test $letter != -; and set -a spec -s $letter
        if test $value != -
            switch $kind:$value
                case 'time:*'
                    set -a spec -x
                    test $choices = -; or set -a spec -a (string replace -a , ' ' -- $choices)
                case 'choice:*'
                    set -a spec -x -a (string replace -a , ' ' -- $choices)
                case '*:WHO'
                    set -a spec -x -a '(__vsock_tools_who)'
                case '*:PATH' '*:FILE' '*:DIR'
                    set -a spec -r -F
                case '*'
                    set -a spec -x
            end
        end
        complete -c $program $spec
    end
    switch $program
        case vsock-listen
            complete -c $program -a "(__vsock_tools_addresses $program listen)"
        case vsock-cat vsock-run vsock-ping
            complete -c $program -a "(__vsock_tools_addresses $program connect)"
        case vsock-proxy
            complete -c $program -a "(__vsock_tools_addresses $program listen)"
            complete -c $program -a "(__vsock_tools_addresses $program connect)"
            complete -c $program -a "(__vsock_tools_keys)"
    end
end
