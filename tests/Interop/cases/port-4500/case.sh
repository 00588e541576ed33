DESC="IKE on port 4500 from the first message on"
