using Gateway.Policy.Commands;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Items;

/// <summary>Each thing that can be wrong with an item gives one error with its path and code, and says nothing of values.</summary>
public sealed class ValidationTests
{
    private const string Wan = """{"kind":"interface","name":"wan","spec":{"type":"af-packet","addresses":["198.51.100.1/24","2001:db8:1::1/64"]}}""";
    private const string Branch = "\"local\":[{\"id\":\"left.lab\"}],\"remote\":[{\"id\":\"right.lab\"}]";

    public static TheoryData<string, string, string, string> WrongSpecs => new()
    {
        // kind, spec, path below the spec, code
        { "interface", """{}""", ".type", "missing-field" },
        { "interface", """[]""", "", "wrong-type" },
        { "interface", """ "text" """, "", "wrong-type" },
        { "interface", """null""", "", "wrong-type" },
        { "interface", """{"type":"ethernet"}""", ".type", "invalid-value" },
        { "interface", """{"type":"AfPacket"}""", ".type", "invalid-value" },
        { "interface", """{"type":1}""", ".type", "wrong-type" },
        { "interface", """{"type":null}""", ".type", "wrong-type" },
        { "interface", """{"type":"tap","Mtu":1500}""", ".Mtu", "unknown-field" },
        { "interface", """{"type":"tap","subject":"x"}""", ".subject", "unknown-field" },
        { "interface", """{"type":"tap","mtu":1500,"mtu":1400}""", ".mtu", "duplicate-member" },
        { "interface", """{"type":"tap","mtu":"1500"}""", ".mtu", "wrong-type" },
        { "interface", """{"type":"tap","mtu":1500.5}""", ".mtu", "wrong-type" },
        { "interface", """{"type":"tap","mtu":575}""", ".mtu", "out-of-range" },
        { "interface", """{"type":"tap","mtu":9217}""", ".mtu", "out-of-range" },
        { "interface", """{"type":"tap","mtu":99999999999999999999999}""", ".mtu", "out-of-range" },
        { "interface", """{"type":"tap","mtu":1279,"addresses":["2001:db8::1/64"]}""", ".mtu", "out-of-range" },
        { "interface", """{"type":"tap","enabled":"yes"}""", ".enabled", "wrong-type" },
        { "interface", """{"type":"tap","addresses":"10.0.0.1/24"}""", ".addresses", "wrong-type" },
        { "interface", """{"type":"tap","addresses":["10.0.0.1"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["10.0.0.1/24","10.0.0.1/33"]}""", ".addresses[1]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["10.0.1/24"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["10.0.0.01/24"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["10.0.0.1/0"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["10.0.0.0/24"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["10.0.0.255/24"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["224.0.0.1/24"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["127.0.0.1/8"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["0.0.0.1/8"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["255.255.255.255/32"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["2001:db8::/64"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["ff02::1/64"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["::1/128"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["fe80::1%eth0/64"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["::ffff:10.0.0.1/120"]}""", ".addresses[0]", "invalid-value" },
        { "interface", """{"type":"tap","addresses":["10.0.0.1/24","10.0.0.1/24"]}""", ".addresses[1]", "conflict" },
        { "interface", """{"type":"tap","device":"a name that is far too long"}""", ".device", "invalid-name" },
        { "interface", """{"type":"tap","device":".."}""", ".device", "invalid-name" },
        { "interface", """{"type":"tap","device":"a/b"}""", ".device", "invalid-name" },
        { "interface", """{"type":"tap","mac":"01:00:5e:00:00:01"}""", ".mac", "invalid-value" },
        { "interface", """{"type":"tap","mac":"00:00:00:00:00:00"}""", ".mac", "invalid-value" },
        { "interface", """{"type":"tap","mac":"02-00-00-00-00-01"}""", ".mac", "invalid-value" },
        { "interface", """{"type":"tap","take_over":true}""", ".take_over", "not-applicable" },
        { "interface", """{"type":"loopback","device":"lo"}""", ".device", "not-applicable" },
        { "interface", """{"type":"loopback","mac":"02:00:00:00:00:01"}""", ".mac", "not-applicable" },
        { "interface", """{"type":"loopback","addresses":["198.51.100.1/32"]}""", ".addresses[0]", "conflict" },
        { "interface", """{"type":"tap","addresses":["198.51.100.200/25"]}""", ".addresses[0]", "conflict" },
        { "interface", """{"type":"tap","addresses":["198.51.0.1/16"]}""", ".addresses[0]", "conflict" },
        { "interface", """{"type":"tap","addresses":["2001:db8:1:0::2/65"]}""", ".addresses[0]", "conflict" },
        { "interface", """{"type":"tap","device":"wan"}""", ".device", "conflict" },
        { "interface", """{"type":"ipsec"}""", ".if_id", "missing-field" },
        { "interface", """{"type":"ipsec","if_id":0}""", ".if_id", "out-of-range" },
        { "interface", """{"type":"ipsec","if_id":4294967296}""", ".if_id", "out-of-range" },
        { "interface", """{"type":"ipsec","if_id":7,"device":"x"}""", ".device", "not-applicable" },
        { "interface", """{"type":"ipsec","if_id":7,"mac":"02:00:00:00:00:01"}""", ".mac", "not-applicable" },
        { "interface", """{"type":"ipsec","if_id":7,"take_over":true}""", ".take_over", "not-applicable" },
        { "interface", """{"type":"tap","if_id":7}""", ".if_id", "not-applicable" },
        { "interface", """{"type":"memif"}""", ".socket", "missing-field" },
        { "interface", """{"type":"memif","socket":"relative"}""", ".socket", "invalid-value" },
        { "interface", """{"type":"memif","socket":"/run/../etc/x"}""", ".socket", "invalid-value" },
        { "interface", """{"type":"memif","socket":"/run//x"}""", ".socket", "invalid-value" },
        { "interface", """{"type":"memif","socket":"/run/x/"}""", ".socket", "invalid-value" },
        { "interface", """{"type":"memif","socket":"/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}""", ".socket", "invalid-value" },
        { "interface", """{"type":"memif","socket":"/run/x","device":"eth0"}""", ".device", "not-applicable" },
        { "interface", """{"type":"memif","socket":"/run/x","take_over":true}""", ".take_over", "not-applicable" },
        { "interface", """{"type":"memif","socket":"/run/x","id":-1}""", ".id", "out-of-range" },
        { "interface", """{"type":"memif","socket":"/run/x","id":4294967296}""", ".id", "out-of-range" },
        { "interface", """{"type":"memif","socket":"/run/x","role":"master"}""", ".role", "invalid-value" },
        { "interface", """{"type":"memif","socket":"/run/x","ring_size":1024}""", ".ring_size", "not-applicable" },
        { "interface", """{"type":"memif","socket":"/run/x","role":"server","buffer_size":2048}""", ".buffer_size", "not-applicable" },
        { "interface", """{"type":"memif","socket":"/run/x","queues":2}""", ".queues", "not-applicable" },
        { "interface", """{"type":"memif","socket":"/run/x","role":"client","ring_size":1000}""", ".ring_size", "invalid-value" },
        { "interface", """{"type":"memif","socket":"/run/x","role":"client","ring_size":32}""", ".ring_size", "out-of-range" },
        { "interface", """{"type":"memif","socket":"/run/x","role":"client","buffer_size":255}""", ".buffer_size", "out-of-range" },
        { "interface", """{"type":"memif","socket":"/run/x","role":"client","queues":9}""", ".queues", "out-of-range" },
        { "interface", """{"type":"memif","socket":"/run/x","role":"client","queues":8,"ring_size":16384,"buffer_size":8192}""", ".buffer_size", "out-of-range" },
        { "interface", """{"type":"tap","socket":"/run/x"}""", ".socket", "not-applicable" },
        { "interface", """{"type":"tap","id":0}""", ".id", "not-applicable" },
        { "interface", """{"type":"loopback","role":"server"}""", ".role", "not-applicable" },
        { "interface", """{"type":"loopback","queues":2}""", ".queues", "not-applicable" },
        { "interface", """{"type":"af-packet","mode":"native"}""", ".mode", "not-applicable" },
        { "interface", """{"type":"tap","take_over":true}""", ".take_over", "not-applicable" },
        { "interface", """{"type":"af-xdp","mode":"zero-copy"}""", ".mode", "invalid-value" },
        { "interface", """{"type":"af-xdp","queues":65}""", ".queues", "out-of-range" },
        { "interface", """{"type":"af-xdp","mtu":3823}""", ".mtu", "out-of-range" },
        { "interface", """{"type":"af-xdp","device":"a/b"}""", ".device", "invalid-name" },
        { "interface", """{"type":"af-xdp","ring_size":1024}""", ".ring_size", "not-applicable" },
        { "interface", """{"type":"af-packet","queues":0}""", ".queues", "out-of-range" },
        { "interface", """{"type":"tap","queues":65}""", ".queues", "out-of-range" },
        { "interface", """{"type":"vlan","vlan":5}""", ".parent", "missing-field" },
        { "interface", """{"type":"vlan","parent":"wan"}""", ".vlan", "missing-field" },
        { "interface", """{"type":"vlan","parent":"lan","vlan":5}""", ".parent", "unknown-reference" },
        { "interface", """{"type":"vlan","parent":"wan","vlan":0}""", ".vlan", "out-of-range" },
        { "interface", """{"type":"vlan","parent":"wan","vlan":4095}""", ".vlan", "out-of-range" },
        { "interface", """{"type":"vlan","parent":"wan","vlan":5,"inner_vlan":4095}""", ".inner_vlan", "out-of-range" },
        { "interface", """{"type":"vlan","parent":"wan","vlan":5,"vlan_protocol":"802.1q"}""", ".vlan_protocol", "invalid-value" },
        { "interface", """{"type":"vlan","parent":"wan","vlan":5,"device":"eth0"}""", ".device", "not-applicable" },
        { "interface", """{"type":"vlan","parent":"wan","vlan":5,"take_over":true}""", ".take_over", "not-applicable" },
        { "interface", """{"type":"vlan","parent":"wan","vlan":5,"addresses":["198.51.100.9/24"]}""", ".addresses[0]", "conflict" },
        { "interface", """{"type":"vlan","parent":"wan","vlan":5,"queues":2}""", ".queues", "not-applicable" },
        { "interface", """{"type":"tap","parent":"wan"}""", ".parent", "not-applicable" },
        { "interface", """{"type":"tap","vlan":5}""", ".vlan", "not-applicable" },
        { "interface", """{"type":"tap","inner_vlan":5}""", ".inner_vlan", "not-applicable" },
        { "interface", """{"type":"tap","vlan_protocol":"dot1q"}""", ".vlan_protocol", "not-applicable" },
        { "interface", """{"type":"vxlan","local":"198.51.100.1","remotes":["203.0.113.2"]}""", ".vni", "missing-field" },
        { "interface", """{"type":"vxlan","vni":42,"remotes":["203.0.113.2"]}""", ".local", "missing-field" },
        { "interface", """{"type":"vxlan","vni":42,"local":"198.51.100.1"}""", ".remotes", "missing-field" },
        { "interface", """{"type":"vxlan","vni":16777216,"local":"198.51.100.1","remotes":["203.0.113.2"]}""", ".vni", "out-of-range" },
        { "interface", """{"type":"vxlan","vni":42,"local":"198.51.100.1","remotes":["2001:db8::2"]}""", ".remotes[0]", "invalid-value" },
        { "interface", """{"type":"vxlan","vni":42,"local":"198.51.100.1","remotes":["239.1.1.1"]}""", ".remotes[0]", "invalid-value" },
        { "interface", """{"type":"vxlan","vni":42,"local":"198.51.100.1","remotes":["203.0.113.2","203.0.113.2"]}""", ".remotes[1]", "conflict" },
        { "interface", """{"type":"vxlan","vni":42,"local":"198.51.100.1","remotes":["198.51.100.1"]}""", ".remotes[0]", "conflict" },
        { "interface", """{"type":"vxlan","vni":42,"local":"198.51.100.7","remotes":["203.0.113.2"]}""", ".local", "conflict" },
        { "interface", """{"type":"vxlan","vni":42,"local":"198.51.100.1","remotes":["203.0.113.2"],"port":4500}""", ".port", "invalid-value" },
        { "interface", """{"type":"vxlan","vni":42,"local":"198.51.100.1","remotes":["203.0.113.2"],"device":"eth0"}""", ".device", "not-applicable" },
        { "interface", """{"type":"gre","remote":"203.0.113.2"}""", ".local", "missing-field" },
        { "interface", """{"type":"ipip","local":"198.51.100.1"}""", ".remote", "missing-field" },
        { "interface", """{"type":"gre","local":"198.51.100.1","remote":"2001:db8::2"}""", ".remote", "invalid-value" },
        { "interface", """{"type":"gre","local":"198.51.100.1","remote":"224.0.0.5"}""", ".remote", "invalid-value" },
        { "interface", """{"type":"gretap","local":"198.51.100.1","remote":"198.51.100.1"}""", ".remote", "conflict" },
        { "interface", """{"type":"gre","local":"198.51.100.7","remote":"203.0.113.2"}""", ".local", "conflict" },
        { "interface", """{"type":"ipip","local":"198.51.100.1","remote":"203.0.113.2","key":1}""", ".key", "not-applicable" },
        { "interface", """{"type":"gre","local":"198.51.100.1","remote":"203.0.113.2","key":4294967296}""", ".key", "out-of-range" },
        { "interface", """{"type":"gre","local":"198.51.100.1","remote":"203.0.113.2","ttl":0}""", ".ttl", "out-of-range" },
        { "interface", """{"type":"gre","local":"198.51.100.1","remote":"203.0.113.2","dscp":64}""", ".dscp", "out-of-range" },
        { "interface", """{"type":"gre","local":"198.51.100.1","remote":"203.0.113.2","mac":"02:00:00:00:00:01"}""", ".mac", "not-applicable" },
        { "interface", """{"type":"gre","local":"198.51.100.1","remote":"203.0.113.2","device":"eth0"}""", ".device", "not-applicable" },
        { "interface", """{"type":"ipip","local":"198.51.100.1","remote":"203.0.113.2","queues":2}""", ".queues", "not-applicable" },
        { "interface", """{"type":"tap","remote":"203.0.113.2"}""", ".remote", "not-applicable" },
        { "interface", """{"type":"tap","key":1}""", ".key", "not-applicable" },
        { "interface", """{"type":"vxlan","vni":42,"local":"198.51.100.1","remotes":["203.0.113.2"],"ttl":9}""", ".ttl", "not-applicable" },
        { "interface", """{"type":"tap","vni":42}""", ".vni", "not-applicable" },
        { "interface", """{"type":"tap","local":"198.51.100.1"}""", ".local", "not-applicable" },
        { "interface", """{"type":"tap","remotes":["203.0.113.2"]}""", ".remotes", "not-applicable" },
        { "interface", """{"type":"tap","port":4789}""", ".port", "not-applicable" },
        { "bridge", """{"members":"wan"}""", ".members", "wrong-type" },
        { "bridge", """{"members":["wan"]}""", ".members[0]", "wrong-type" },
        { "bridge", """{"members":[{"interface":"lan"}]}""", ".members[0].interface", "unknown-reference" },
        { "bridge", """{"members":[{"interface":"wan"}]}""", ".members[0].interface", "conflict" },
        { "bridge", """{"members":[{"interface":"wan"},{"interface":"wan"}]}""", ".members[1].interface", "conflict" },
        { "bridge", """{"members":[{"interface":"wan"}],"bvi":"wan"}""", ".bvi", "conflict" },
        { "bridge", """{"bvi":"wan"}""", ".bvi", "conflict" },
        { "bridge", """{"bvi":"lan"}""", ".bvi", "unknown-reference" },
        { "bridge", """{"mac_age":"9s"}""", ".mac_age", "out-of-range" },
        { "bridge", """{"mac_limit":15}""", ".mac_limit", "out-of-range" },
        { "bridge", """{"members":[{"interface":"lan","split_horizon_group":256}]}""", ".members[0].split_horizon_group", "out-of-range" },
        { "bridge", """{"members":[{"interface":"lan","flood_rate":0}]}""", ".members[0].flood_rate", "out-of-range" },
        { "bridge", """{"static":[{"mac":"02:00:00:00:00:01","interface":"wan"}]}""", ".static[0].interface", "invalid-value" },
        { "policer", """{"rate":"10Mbit"}""", ".rate", "invalid-value" },
        { "policer", """{"rate":"0bit/s"}""", ".rate", "invalid-value" },
        { "policer", """{"rate":"2000Gbit/s"}""", ".rate", "invalid-value" },
        { "policer", """{"burst":"64kB"}""", ".rate", "missing-field" },
        { "policer", """{"rate":"1Mbit/s","burst":"1499B"}""", ".burst", "out-of-range" },
        { "policer", """{"rate":"1Mbit/s","burst":"10packets"}""", ".burst", "conflict" },
        { "policer", """{"rate":"1Mbit/s","burst":"501MB"}""", ".burst", "invalid-value" },
        { "policer", """{"mode":"two-rate","rate":"1Mbit/s"}""", ".peak_rate", "missing-field" },
        { "policer", """{"mode":"two-rate","rate":"1Mbit/s","peak_rate":"999kbit/s"}""", ".peak_rate", "out-of-range" },
        { "policer", """{"mode":"two-rate","rate":"1Mbit/s","peak_rate":"5packets/s"}""", ".peak_rate", "conflict" },
        { "policer", """{"mode":"two-rate","rate":"1Mbit/s","peak_rate":"1Mbit/s","excess_burst":"64kB"}""", ".excess_burst", "not-applicable" },
        { "policer", """{"mode":"two-rate-excess","rate":"1Mbit/s"}""", ".excess_rate", "missing-field" },
        { "policer", """{"rate":"1Mbit/s","peak_rate":"2Mbit/s"}""", ".peak_rate", "not-applicable" },
        { "policer", """{"rate":"1Mbit/s","peak_burst":"64kB"}""", ".peak_burst", "not-applicable" },
        { "policer", """{"rate":"1Mbit/s","violate":"dscp:64"}""", ".violate", "invalid-value" },
        { "policer", """{"rate":"1Mbit/s","yellow_dscp":[12]}""", ".yellow_dscp", "not-applicable" },
        { "policer", """{"rate":"1Mbit/s","color_aware":true,"yellow_dscp":[64]}""", ".yellow_dscp[0]", "out-of-range" },
        { "policer", """{"rate":"1Mbit/s","color_aware":true,"yellow_dscp":[12],"red_dscp":[12]}""", ".red_dscp[0]", "conflict" },
        { "interface", """{"type":"tap","policer_in":"nowhere"}""", ".policer_in", "unknown-reference" },
        { "interface", """{"type":"loopback","policer_out":"nowhere"}""", ".policer_out", "not-applicable" },
        { "acl", """{"rules":[{"action":"permit","policer":"nowhere"}]}""", ".rules[0].policer", "unknown-reference" },
        { "acl", """{"rules":[{"action":"deny","policer":"nowhere"}]}""", ".rules[0].policer", "not-applicable" },
        { "nat", """{"type":"source","from":["2001:db8::/32"]}""", ".from[0]", "invalid-value" },
        { "nat", """{"type":"source","from":["10.1.0.1/24"]}""", ".from[0]", "invalid-value" },
        { "nat", """{"type":"source","first_port":3000,"last_port":2000}""", ".last_port", "out-of-range" },
        { "nat", """{"type":"source","addresses":["198.51.100.0/16"]}""", ".addresses", "too-many" },
        { "nat", """{"type":"source","addresses":["198.51.100.9[tcp/80]"]}""", ".addresses[0]", "invalid-value" },
        { "nat", """{"type":"source","addresses":["224.0.0.1/32"]}""", ".addresses[0]", "invalid-value" },
        { "nat", """{"type":"source","inside":"10.1.0.2"}""", ".inside", "not-applicable" },
        { "nat", """{"type":"source","exempt":true,"addresses":["198.51.100.9/32"]}""", ".addresses", "not-applicable" },
        { "nat", """{"type":"static","outside":"198.51.100.9"}""", ".inside", "missing-field" },
        { "nat", """{"type":"static","outside":"198.51.100.9","inside":"10.1.0.2","protocol":"tcp"}""", ".outside_port", "missing-field" },
        { "nat", """{"type":"static","outside":"198.51.100.9","inside":"10.1.0.2","outside_port":80}""", ".protocol", "missing-field" },
        { "nat", """{"type":"static","outside":"198.51.100.9","inside":"198.51.100.9"}""", ".inside", "conflict" },
        { "nat", """{"type":"service","outside":"198.51.100.9","protocol":"tcp","outside_port":80}""", ".backends", "missing-field" },
        { "nat", """{"type":"service","outside":"198.51.100.9","protocol":"tcp","outside_port":80,"backends":[{"address":"10.1.0.2","port":80},{"address":"10.1.0.2","port":80}]}""", ".backends[1]", "conflict" },
        { "cross-connect", """{"a":"wan","b":"wan"}""", ".b", "conflict" },
        { "pool", """{}""", ".addrs", "missing-field" },
        { "pool", """{"addrs":"10.3.0.9-10.3.0.1"}""", ".addrs", "invalid-value" },
        { "pool", """{"addrs":"10.3.0.255/24"}""", ".addrs", "invalid-value" },
        { "pool", """{"addrs":"10.3.0.0/24[tcp]"}""", ".addrs", "invalid-value" },
        { "pool", """{"addrs":"0.0.0.0/0"}""", ".addrs", "invalid-value" },
        { "pool", """{"addrs":"10.3.0.0/24","dns":["0.0.0.0"]}""", ".dns[0]", "invalid-value" },
        { "pool", """{"addrs":"10.3.0.0/24","nbns":["fd01::1"]}""", ".nbns[0]", "invalid-value" },
        { "pool", """{"addrs":"10.3.0.0/24","netmask":["fd01::1"]}""", ".netmask[0]", "invalid-value" },
        { "pool", """{"addrs":"10.3.0.0/24","split_include":["fd01::/64"]}""", ".split_include[0]", "invalid-value" },
        { "connection", $$"""{{{Branch}},"vips":["%any"]}""", ".vips[0]", "invalid-value" },
        { "connection", $$"""{{{Branch}},"vips":["224.0.0.1"]}""", ".vips[0]", "invalid-value" },
        { "connection", $$"""{{{Branch}},"pools":["rw"]}""", ".pools[0]", "unknown-reference" },
        { "vrf", """{"table":7}""", ".table", "unknown-field" },
        { "vrf", """{"description":"a\nb"}""", ".description", "invalid-value" },
        { "interface", """{"type":"ipsec","if_id":1,"router_advertisements":{}}""", ".router_advertisements", "not-applicable" },
        { "interface", """{"type":"tap","router_advertisements":{"interval":"3s"}}""", ".router_advertisements.interval", "out-of-range" },
        { "interface", """{"type":"tap","router_advertisements":{"interval":"600s","lifetime":"599s"}}""", ".router_advertisements.lifetime", "out-of-range" },
        { "interface", """{"type":"tap","router_advertisements":{"hop_limit":256}}""", ".router_advertisements.hop_limit", "out-of-range" },
        { "interface", """{"type":"tap","router_advertisements":{"prefixes":[{"prefix":"10.0.0.0/8"}]}}""", ".router_advertisements.prefixes[0].prefix", "invalid-value" },
        { "interface", """{"type":"tap","router_advertisements":{"prefixes":[{"prefix":"2001:db8:1::/48"}]}}""", ".router_advertisements.prefixes[0].autonomous", "invalid-value" },
        { "interface", """{"type":"tap","router_advertisements":{"prefixes":[{"prefix":"fe80::/64"}]}}""", ".router_advertisements.prefixes[0].prefix", "invalid-value" },
        { "interface", """{"type":"tap","router_advertisements":{"prefixes":[{"prefix":"2001:db8::/64","valid_lifetime":"10s","preferred_lifetime":"11s"}]}}""", ".router_advertisements.prefixes[0].preferred_lifetime", "out-of-range" },
        { "interface", """{"type":"tap","router_advertisements":{"dns":["192.0.2.1"]}}""", ".router_advertisements.dns[0]", "invalid-value" },
        { "interface", """{"type":"tap","rpf4":"feasible"}""", ".rpf4", "invalid-value" },
        { "interface", """{"type":"tap","vrf":"nowhere"}""", ".vrf", "unknown-reference" },
        { "route", """{"to":"10.9.0.0/16","vrf":"nowhere","via":"198.51.100.9"}""", ".vrf", "unknown-reference" },
        { "route", """{"to":"10.9.0.0/16","next_hop_vrf":"nowhere","via":"198.51.100.9"}""", ".next_hop_vrf", "unknown-reference" },
        { "route", """{"to":"10.9.0.0/16","blackhole":true,"next_hop_vrf":"default"}""", ".next_hop_vrf", "not-applicable" },
        { "route", """{"to":"10.9.0.0/16","blackhole":true,"prohibit":true}""", ".prohibit", "not-applicable" },
        { "route", """{"to":"10.9.0.0/16","unreachable":true,"via":"198.51.100.9"}""", ".via", "not-applicable" },
        { "route", """{"to":"10.9.0.0/16","prohibit":true,"next_hops":[{"via":"198.51.100.9"}]}""", ".next_hops", "not-applicable" },
        { "route", """{"to":"10.9.0.0/16","via":"198.51.100.9","next_hops":[{"via":"198.51.100.8"}]}""", ".via", "not-applicable" },
        { "route", """{"to":"10.9.0.0/16","interface":"wan","next_hops":[{"via":"198.51.100.8"}]}""", ".interface", "not-applicable" },
        { "route", """{"to":"10.9.0.0/16","next_hops":[{"weight":2}]}""", ".next_hops[0].via", "missing-field" },
        { "route", """{"to":"10.9.0.0/16","next_hops":[{"via":"198.51.100.8","weight":0}]}""", ".next_hops[0].weight", "out-of-range" },
        { "route", """{"to":"10.9.0.0/16","next_hops":[{"via":"198.51.100.8"},{"via":"198.51.100.8","weight":3}]}""", ".next_hops[1]", "conflict" },
        { "route", """{"to":"10.9.0.0/16","next_hops":[{"via":"2001:db8::8"}]}""", ".next_hops[0].via", "invalid-value" },
        { "route", """{"to":"10.9.0.0/16","next_hops":[{"via":"198.51.100.1"}]}""", ".next_hops[0].via", "conflict" },
        { "route", """{"to":"10.9.0.0/16","next_hops":[{"interface":"nowhere"}]}""", ".next_hops[0].interface", "unknown-reference" },
        { "route", """{"to":"fd09::/16","next_hops":[{"via":"fe80::1"}]}""", ".next_hops[0].interface", "missing-field" },
        { "route", """{"to":"10.9.0.0/16","via":"198.51.100.9","preference":256}""", ".preference", "out-of-range" },
        { "route", """{"via":"198.51.100.254"}""", ".to", "missing-field" },
        { "route", """{"to":"0.0.0.0/0"}""", ".via", "missing-field" },
        { "route", """{"to":"10.0.0.1/8","via":"198.51.100.254"}""", ".to", "invalid-value" },
        { "route", """{"to":"10.0.0.0","via":"198.51.100.254"}""", ".to", "invalid-value" },
        { "route", """{"to":"239.0.0.0/8","via":"198.51.100.254"}""", ".to", "not-supported" },
        { "route", """{"to":"::/0","via":"198.51.100.254"}""", ".via", "invalid-value" },
        { "route", """{"to":"0.0.0.0/0","via":"0.0.0.0"}""", ".via", "invalid-value" },
        { "route", """{"to":"0.0.0.0/0","via":"198.51.100.1"}""", ".via", "conflict" },
        { "route", """{"to":"::/0","via":"fe80::1"}""", ".interface", "missing-field" },
        { "route", """{"to":"0.0.0.0/0","interface":"lan"}""", ".interface", "unknown-reference" },
        { "route", """{"to":"0.0.0.0/0","interface":"a secret, by mistake"}""", ".interface", "unknown-reference" },
        { "route", """{"to":"0.0.0.0/0","blackhole":true,"via":"198.51.100.254"}""", ".via", "not-applicable" },
        { "route", """{"to":"0.0.0.0/0","blackhole":true,"interface":"wan"}""", ".interface", "not-applicable" },
        { "neighbor", """{"address":"198.51.100.9","mac":"02:00:00:00:00:09"}""", ".interface", "missing-field" },
        { "neighbor", """{"interface":"lan","address":"198.51.100.9","mac":"02:00:00:00:00:09"}""", ".interface", "unknown-reference" },
        { "neighbor", """{"interface":"wan","address":"198.51.100.1","mac":"02:00:00:00:00:09"}""", ".address", "conflict" },
        { "neighbor", """{"interface":"wan","address":"ff02::1","mac":"02:00:00:00:00:09"}""", ".address", "invalid-value" },
        { "neighbor", """{"interface":"wan","address":"198.51.100.9","mac":"ff:ff:ff:ff:ff:ff"}""", ".mac", "invalid-value" },
        { "secret", """{"type":"ike"}""", ".secret", "secret-needed" },
        { "secret", """{"type":"ike","secret":7}""", ".secret", "wrong-type" },
        { "secret", """{"type":"ike","secret":""}""", ".secret", "out-of-range" },
        { "secret", """{"type":"ike","secret":"0s***"}""", ".secret", "invalid-value" },
        { "secret", """{"type":"ike","secret":"0xabc"}""", ".secret", "invalid-value" },
        { "secret", """{"type":"ike","secret":"a","secret":"b"}""", ".secret", "duplicate-member" },
        { "secret", """{"type":"ike","secret":"a","handle":"00112233445566778899aabbccddeeff"}""", ".handle", "unknown-field" },
        { "secret", """{"type":"rsa","secret":"a"}""", ".type", "invalid-value" },
        { "secret", """{"type":"ike","secret":"a","ids":["x\u0007"]}""", ".ids[0]", "invalid-value" },
        { "secret", """{"type":"ike","secret":"a","ids":["x","x"]}""", ".ids", "conflict" },
        { "connection", """{"remote":[{}]}""", ".local", "missing-field" },
        { "connection", """{"local":[],"remote":[{}]}""", ".local", "missing-field" },
        { "connection", """{"local":[{},{},{},{},{},{},{},{},{}],"remote":[{}]}""", ".local", "too-many" },
        { "connection", """{"local":[{"auth":"xauth"}],"remote":[{}]}""", ".local[0].auth", "invalid-value" },
        { "connection", """{"local":[{"auth":"eap-gtc"}],"remote":[{}]}""", ".local[0].auth", "invalid-value" },
        { "connection", """{"local":[{"auth":"rsa-sha257"}],"remote":[{}]}""", ".local[0].auth", "invalid-value" },
        { "connection", """{"local":[{"eap_id":"bob"}],"remote":[{}]}""", ".local[0].eap_id", "not-applicable" },
        { "connection", """{"local":[{"auth":"pubkey","certs":["none"]}],"remote":[{}]}""", ".local[0].certs[0]", "unknown-reference" },
        { "connection", """{"local":[{"auth":"pubkey","ca_id":"x"}],"remote":[{}]}""", ".local[0].ca_id", "not-applicable" },
        { "connection", """{"local":[{}],"remote":[{"auth":"pubkey","revocation":"never"}]}""", ".remote[0].revocation", "invalid-value" },
        { "connection", """{"local":[{}],"remote":[{"auth":"pubkey","cert_policy":["1"]}]}""", ".remote[0].cert_policy[0]", "invalid-value" },
        { "connection", """{"local":[{}],"remote":[{"auth":"pubkey","groups":["x"]}]}""", ".remote[0].groups", "unknown-field" },
        { "connection", "{" + Branch + ""","ppk_id":""}""", ".ppk_id", "invalid-value" },
        { "certificate", """{}""", ".data", "missing-field" },
        { "certificate", """{"data":""}""", ".data", "out-of-range" },
        { "certificate", """{"type":"x509-crl","flag":"ca","data":"AA=="}""", ".flag", "not-applicable" },
        { "authority", """{"cacert":"none"}""", ".cacert", "unknown-reference" },
        { "authority", """{"cacert":"none","crl_uris":["ftp://x/"]}""", ".crl_uris[0]", "invalid-value" },
        { "connection", """{"local":[{"id":""}],"remote":[{}]}""", ".local[0].id", "invalid-value" },
        { "connection", "{" + Branch + ""","version":1}""", ".version", "not-supported" },
        { "connection", "{" + Branch + ""","local_addrs":["0.0.0.0/99"]}""", ".local_addrs[0]", "invalid-value" },
        { "connection", "{" + Branch + ""","local_addrs":["gateway.example"]}""", ".local_addrs[0]", "invalid-value" },
        { "connection", "{" + Branch + ""","remote_addrs":["not a name"]}""", ".remote_addrs[0]", "invalid-value" },
        { "connection", "{" + Branch + ""","remote_addrs":["224.0.0.1"]}""", ".remote_addrs[0]", "invalid-value" },
        { "connection", "{" + Branch + ""","local_addrs":["10.0.0.1"],"remote_addrs":["2001:db8::1"]}""", ".remote_addrs", "conflict" },
        { "connection", "{" + Branch + ""","local_port":501}""", ".local_port", "not-supported" },
        { "connection", "{" + Branch + ""","remote_port":65536}""", ".remote_port", "out-of-range" },
        { "connection", "{" + Branch + ""","remote_port":0}""", ".remote_port", "out-of-range" },
        { "connection", "{" + Branch + ""","proposals":["rot13-md4"]}""", ".proposals[0]", "invalid-value" },
        { "connection", "{" + Branch + ""","rekey_time":"4 hours"}""", ".rekey_time", "invalid-value" },
        { "connection", "{" + Branch + ""","rekey_time":14400}""", ".rekey_time", "wrong-type" },
        { "connection", "{" + Branch + ""","rekey_time":"1000d"}""", ".rekey_time", "out-of-range" },
        { "connection", "{" + Branch + ""","rekey_time":"1h","rand_time":"2h"}""", ".rand_time", "out-of-range" },
        { "connection", "{" + Branch + ""","keyingtries":-1}""", ".keyingtries", "out-of-range" },
        { "connection", "{" + Branch + ""","unique":"sometimes"}""", ".unique", "invalid-value" },
        { "connection", "{" + Branch + ""","children":[]}""", ".children", "wrong-type" },
        { "connection", "{" + Branch + ""","children":{"a b":{}}}""", ".children", "invalid-name" },
        { "connection", "{" + Branch + ""","children":{"n":{},"n":{}}}""", ".children.n", "duplicate-member" },
        { "connection", "{" + Branch + ""","children":{"n":{"local_ts":["everything"]}}}""", ".children.n.local_ts[0]", "invalid-value" },
        { "connection", "{" + Branch + ""","children":{"n":{"local_ts":["10.0.0.9-10.0.0.1"]}}}""", ".children.n.local_ts[0]", "invalid-value" },
        { "connection", "{" + Branch + ""","children":{"n":{"local_ts":[]}}}""", ".children.n.local_ts", "missing-field" },
        { "connection", "{" + Branch + ""","children":{"n":{"local_ts":["10.0.0.0/8"],"remote_ts":["fd00::/8"]}}}""", ".children.n.remote_ts", "conflict" },
        { "connection", "{" + Branch + ""","children":{"n":{"esp_proposals":["null-null"]}}}""", ".children.n.esp_proposals[0]", "invalid-value" },
        { "connection", "{" + Branch + ""","children":{"n":{"start_action":"start"}}}""", ".children.n.start_action", "conflict" },
        { "connection", "{" + Branch + ""","children":{"n":{"replay_window":4097}}}""", ".children.n.replay_window", "out-of-range" },
        { "connection", "{" + Branch + ""","children":{"n":{"replay_window":-1}}}""", ".children.n.replay_window", "out-of-range" },
        { "connection", "{" + Branch + ""","children":{"n":{"rekey_time":"1h","life_time":"30m"}}}""", ".children.n.life_time", "out-of-range" },
        { "connection", "{" + Branch + ""","children":{"n":{"rekey_bytes":100,"life_bytes":50}}}""", ".children.n.life_bytes", "out-of-range" },
        { "connection", "{" + Branch + ""","children":{"n":{"rekey_bytes":-1}}}""", ".children.n.rekey_bytes", "out-of-range" },
        { "connection", "{" + Branch + ""","children":{"n":{"if_id":7}}}""", ".children.n.if_id", "unknown-field" },
        { "connection", "{" + Branch + ""","children":{"n":{"if_id_in":-1}}}""", ".children.n.if_id_in", "out-of-range" },
        { "connection", "{" + Branch + ""","children":{"n":{"if_id_out":"7"}}}""", ".children.n.if_id_out", "wrong-type" },
        { "connection", "{" + Branch + ""","children":{"n":{"copy_dscp":true}}}""", ".children.n.copy_dscp", "wrong-type" },
        { "connection", "{" + Branch + ""","if_id_in":4294967296}""", ".if_id_in", "out-of-range" },
        { "policy", """{}""", ".action", "missing-field" },
        { "policy", """{"action":"protect"}""", ".action", "invalid-value" },
        { "policy", """{"action":"bypass","local_ts":["dynamic"]}""", ".local_ts[0]", "invalid-value" },
        { "policy", """{"action":"bypass","local_ts":["10.0.0.0/8"],"remote_ts":["fd00::/8"]}""", ".remote_ts", "conflict" },
        { "policy", """{"action":"bypass","priority":70000}""", ".priority", "out-of-range" },
    };

    [Theory]
    [MemberData(nameof(WrongSpecs))]
    public void A_wrong_spec_gives_one_error_with_its_path_and_code(string kind, string spec, string path, string code)
    {
        var errors = With(Wan).Errors(Put(Item(kind, "x", spec)));
        var error = Assert.Single(errors);
        Assert.Equal(($"$.put[0].spec{path}", code, $"{kind}/x"), (error.Path, error.Code, error.Item));
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
        Assert.Contains(code, ErrorCode.All.Keys);
    }

    public static TheoryData<string, string> RightSpecs => new()
    {
        { "interface", """{"type":"af-packet"}""" },
        { "interface", """{"type":"af-packet","device":"eth1.100","addresses":["10.0.0.1/24","10.0.0.2/24","fe80::1/64"],"mtu":9216,"enabled":false,"take_over":true}""" },
        { "interface", """{"type":"tap","addresses":["10.0.0.0/31"],"mac":"02:00:00:00:00:01","mtu":576}""" },
        { "interface", """{"type":"loopback","addresses":["198.51.100.77/32","2001:db8:1::77/128"]}""" },
        { "route", """{"to":"0.0.0.0/0","via":"198.51.100.254"}""" },
        { "route", """{"to":"::/0","via":"fe80::1","interface":"wan"}""" },
        { "route", """{"to":"10.0.0.0/8","interface":"wan"}""" },
        { "route", """{"to":"10.0.0.0/8","blackhole":true}""" },
        { "neighbor", """{"interface":"wan","address":"198.51.100.254","mac":"02:00:00:00:00:fe"}""" },
        { "secret", """{"type":"ike","ids":["left.lab","%any"],"secret":"0sTGFi"}""" },
        { "secret", """{"type":"ike","secret":"0xDEADbeef"}""" },
        { "secret", """{"type":"ike","secret":"pass phrase"}""" },
        { "connection", "{" + Branch + "}" },
        { "connection", "{" + Branch + ""","local_addrs":["%any"],"remote_addrs":["peer.example","192.0.2.0/24","192.0.2.1-192.0.2.9"],"proposals":["default","aes128gcm16-prfsha256-x25519"],"rekey_time":"0","children":{"net":{"local_ts":["dynamic[tcp/80]","10.1.0.0/24"],"remote_ts":["fd00::/8"],"start_action":"start","replay_window":0,"rekey_time":"0s","life_time":"1h"}}}""" },
        { "policy", """{"action":"discard"}""" },
        { "policy", """{"action":"bypass","local_ts":["10.1.0.0/24[tcp/22]"],"remote_ts":["0.0.0.0/0"],"priority":5}""" },
    };

    [Theory]
    [MemberData(nameof(RightSpecs))]
    public void A_right_spec_is_accepted_and_shown_as_it_can_be_put_again(string kind, string spec)
    {
        var world = With(Wan);
        world.Accept(Put(Item(kind, "x", spec)));
        var shown = Gateway.Policy.Items.ItemJson.Shown(world.State[new(kind, "x")]).ToJsonString();
        var again = world.Accept(Put(shown));
        Assert.Single(again.Unchanged);
        Assert.Empty(again.Changed);
    }

    public static TheoryData<string, string, string> WrongItems => new()
    {
        { """{"kind":"gizmo","name":"x","spec":{}}""", "$.put[0].kind", "unknown-kind" },
        { """{"kind":"Interface","name":"x","spec":{}}""", "$.put[0].kind", "unknown-kind" },
        { """{"kind":"route","name":"","spec":{}}""", "$.put[0].name", "invalid-name" },
        { """{"kind":"route","name":"a b","spec":{}}""", "$.put[0].name", "invalid-name" },
        { """{"kind":"route","name":"/a","spec":{}}""", "$.put[0].name", "invalid-name" },
        { """{"kind":"route","name":"a\n","spec":{}}""", "$.put[0].name", "invalid-name" },
        { """{"kind":"route","name":"é","spec":{}}""", "$.put[0].name", "invalid-name" },
        { """{"kind":"route","spec":{}}""", "$.put[0].name", "missing-field" },
        { """{"kind":"route","name":"x"}""", "$.put[0].spec", "missing-field" },
        { """{"name":"x","spec":{}}""", "$.put[0].kind", "missing-field" },
        { """{"kind":"route","name":"x","spec":{},"comment":"c"}""", "$.put[0].comment", "unknown-field" },
        { """7""", "$.put[0]", "wrong-type" },
    };

    [Theory]
    [MemberData(nameof(WrongItems))]
    public void A_wrong_item_gives_one_error_with_its_path_and_code(string item, string path, string code)
    {
        var error = Assert.Single(new PolicyWorld().Errors(Put(item)));
        Assert.Equal((path, code), (error.Path, error.Code));
    }

    [Fact]
    public void Names_of_64_characters_are_taken_and_of_65_refused()
    {
        Assert.Empty(new PolicyWorld().Errors(Put(Item("policy", new string('a', 64), """{"action":"bypass"}"""))));
        Assert.Equal("invalid-name", Assert.Single(new PolicyWorld().Errors(Put(Item("policy", new string('a', 65), """{"action":"bypass"}""")))).Code);
    }

    [Fact]
    public void All_that_is_wrong_is_told_at_once()
    {
        var errors = With(Wan).Errors(Put(
            Item("interface", "a", """{"type":"tap","mtu":1,"addresses":["x"],"colour":"red"}"""),
            Item("route", "b", """{"to":"10.0.0.1/8"}"""),
            Item("secret", "c", """{}""")));
        Assert.Equal(
            ["out-of-range", "invalid-value", "unknown-field", "missing-field", "invalid-value", "missing-field"],
            errors.Select(e => e.Code).ToArray());
    }

    [Fact]
    public void The_list_of_errors_is_bounded()
    {
        var errors = new PolicyWorld().Errors(Put([.. Enumerable.Range(0, 5000).Select(i => Item("route", $"r{i}", "{}"))]));
        Assert.Equal(100, errors.Count);
        Assert.Equal("too-many", errors[^1].Code);
    }

    [Fact]
    public void Nothing_of_a_value_is_repeated_in_an_error()
    {
        const string Canary = "cAnArY-93kf";
        string[] wrong =
        [
            Item("secret", "s", $$"""{"type":"ike","secret":["{{Canary}}"]}"""),
            Item("secret", "s", $$"""{"type":"ike","secret":"0s{{Canary}}*"}"""),
            Item("secret", "s", $$"""{"type":"{{Canary}}","secret":"x"}"""),
            Item("secret", "s", $$"""{"type":"ike","ids":"{{Canary}}","secret":"x"}"""),
            Item("secret", "s", $$"""{"type":"ike","ids":["{{Canary}}\u0000"],"secret":"x"}"""),
            Item("interface", "s", $$"""{"type":"tap","device":"{{Canary}} and more of it"}"""),
            Item("connection", "s", $$"""{"local":[{"id":"\u0001{{Canary}}"}],"remote":[{}],"local_addrs":["{{Canary}} "],"rekey_time":"{{Canary}}"}"""),
            Item("route", "s", $$"""{"to":"{{Canary}}","interface":"{{Canary}} !"}"""),
            Item("route", Canary + " !", """{"to":"0.0.0.0/0","blackhole":true}"""),
        ];
        foreach (var item in wrong)
        {
            var errors = new PolicyWorld().Errors(Put(item));
            Assert.NotEmpty(errors);
            Assert.DoesNotContain(Canary, errors.ToString(), StringComparison.Ordinal);
        }
    }
}
