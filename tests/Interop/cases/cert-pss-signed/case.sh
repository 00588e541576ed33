DESC="certificates that their authority signed with RSA-PSS"
side_files() { odd "$1" "$2" pss; }
