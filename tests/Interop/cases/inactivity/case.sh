DESC="a child that carries nothing is closed, its IKE SA stays"
check() { ini net && png && sleep 2 && png && has left INSTALLED && sleep 8 && hasnt left INSTALLED && has left ESTABLISHED && hasnt right INSTALLED; }
