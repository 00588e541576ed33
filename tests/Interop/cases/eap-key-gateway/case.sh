DESC="EAP-MSCHAPv2 against a gateway with a pre-shared key"
