DESC="EAP from octets as identity, two pools, authenticating anew by time"
check() { ini net && png 10.1.0.10 right && has left "10.9.0.1/32" && sleep 14 && png 10.1.0.10 right && has left "10.9.0.1/32" && hasnt left "#1, ESTABLISHED" && [ "$(count left ESTABLISHED)" = 1 ]; }
