#!/usr/bin/env bash
# pki.sh FOLDER: throw-away certificates for the cases of lab.sh, made with strongSwan's pki.
#   ca-{ec,rsa,ed}          three roots: ECDSA P-256, RSA 3072, Ed25519
#   SIDE-{ec,ec384,ec521}   below ca-ec;  SIDE-rsa below ca-rsa;  SIDE-ed below ca-ed;  all name SIDE.lab
#   sub-rsa, SIDE-sub       an intermediate below ca-rsa that is no trust anchor, and certificates below it
#   odd-SIDE-*              what only some cases give a side: deep (below sub-sub-ec below sub-ec below ca-ec), pss (signed with RSA-PSS),
#                           expired, self (signed by itself), critical (an extension that nobody knows)
#   right-revoked           on the list ec.crl (and ec-der.crl);  right-crlok, right-ocsp: name a list and a responder
set -eu
OUT=${1:?pki.sh FOLDER}
mkdir -p "$OUT.new"; cd "$OUT.new"
p() { pki "$@" --outform pem 2>/dev/null; }
key() { p --gen --type "$2" ${3:+--size $3} >"$1.key"; p --pub --in "$1.key" --type priv >"$1.pub"; }
root() { p --gen --type "$2" ${3:+--size $3} >"ca-$1.key"; p --self --ca --lifetime 3650 --in "ca-$1.key" --type priv --dn "C=CH, O=Lab, CN=Lab CA $1" >"ca-$1.crt"; }
leaf() { # CA NAME SAN TYPE SIZE [FLAGS…]
  local ca=$1 name=$2 san=$3 type=$4 size=$5; shift 5
  key "$name" "$type" "$size"
  p --issue --lifetime 1825 --cacert "$ca.crt" --cakey "$ca.key" --in "$name.pub" --type pub --dn "C=CH, O=Lab, CN=$san ${name#*-}" --san "$san" \
    --flag serverAuth --flag clientAuth --flag ikeIntermediate "$@" >"$name.crt"
}
root ec ecdsa 256; root rsa rsa 3072; root ed ed25519 ""
p --gen --type rsa --size 3072 >sub-rsa.key
p --issue --ca --pathlen 0 --lifetime 3000 --cacert ca-rsa.crt --cakey ca-rsa.key --in sub-rsa.key --type priv --dn "C=CH, O=Lab, CN=Lab Sub CA rsa" >sub-rsa.crt
for side in left right; do
  leaf ca-ec $side-ec $side.lab ecdsa 256; leaf ca-ec $side-ec384 $side.lab ecdsa 384; leaf ca-ec $side-ec521 $side.lab ecdsa 521
  leaf ca-rsa $side-rsa $side.lab rsa 3072; leaf ca-ed $side-ed $side.lab ed25519 ""; leaf sub-rsa $side-sub $side.lab rsa 3072
done
rm left-sub.pub right-sub.pub
leaf ca-ec right-revoked right.lab ecdsa 256
leaf ca-ec right-crlok right.lab ecdsa 256 --crl http://203.0.113.254:8080/ec-der.crl
leaf ca-ec right-ocsp right.lab ecdsa 256 --ocsp http://198.51.100.254:8081/ --serial 0a0b0c0d
p --gen --type ecdsa --size 384 >sub-ec.key
p --issue --ca --pathlen 1 --lifetime 3000 --cacert ca-ec.crt --cakey ca-ec.key --in sub-ec.key --type priv --dn "C=CH, O=Lab, CN=Lab Sub CA ec" >sub-ec.crt
p --gen --type ecdsa --size 256 >sub-sub-ec.key
p --issue --ca --pathlen 0 --lifetime 2900 --cacert sub-ec.crt --cakey sub-ec.key --in sub-sub-ec.key --type priv --dn "C=CH, O=Lab, CN=Lab Sub Sub CA ec" >sub-sub-ec.crt
for side in left right; do
  leaf sub-sub-ec odd-$side-deep $side.lab ecdsa 256
  leaf ca-rsa odd-$side-pss $side.lab rsa 3072 --rsa-padding pss
  leaf ca-ec odd-$side-expired $side.lab ecdsa 256
  p --issue --not-before "01.01.20 00:00:00" --not-after "01.01.21 00:00:00" --cacert ca-ec.crt --cakey ca-ec.key --in odd-$side-expired.pub --type pub --dn "C=CH, O=Lab, CN=$side.lab expired" --san $side.lab >odd-$side-expired.crt
  key odd-$side-self ecdsa 256
  p --self --lifetime 1000 --in odd-$side-self.key --type priv --dn "C=CH, O=Lab, CN=$side.lab self" --san $side.lab >odd-$side-self.crt
  key odd-$side-critical ecdsa 256
  printf 'subjectAltName=DNS:%s\n1.3.6.1.4.1.32473.7=critical,ASN1:UTF8String:nobody\n' $side.lab >odd.ext
  openssl req -new -key odd-$side-critical.key -subj "/C=CH/O=Lab/CN=$side.lab critical" 2>/dev/null | openssl x509 -req -CA ca-ec.crt -CAkey ca-ec.key -days 1000 -extfile odd.ext -out odd-$side-critical.crt 2>/dev/null
done
rm -f odd-*.pub odd.ext
pki --signcrl --cacert ca-ec.crt --cakey ca-ec.key --lifetime 365 --cert right-revoked.crt --reason key-compromise --outform pem >ec.crl 2>/dev/null
pki --signcrl --cacert ca-ec.crt --cakey ca-ec.key --lifetime 365 --cert right-revoked.crt --reason key-compromise --outform der >ec-der.crl 2>/dev/null
cd ..; mv "$OUT.new" "$OUT"
