using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Policy;
using Gateway.Policy.Items;
using InterfaceAddress = Gateway.Dataplane.Apply.InterfaceAddress;
using MacAddress = Gateway.Policy.Items.MacAddress;

namespace Gateway.Bench.Graph;

/// <summary>Forwarding of 10,000 flows of 1,000 senders, all of which pass: a policer that counts and marks nothing, a limit for each sender, or a MAC ACL that pairs each sender's MAC and IP address.</summary>
internal sealed unsafe class Guarding : IDisposable
{
    private const int PacketLength = 64;
    private const int Flows = 10_000;
    private const int Senders = 1000;

    private readonly DataplaneControl _control = new(new DataplaneOptions { Buffers = 4096 });
    private readonly byte[][] _headers = new byte[Flows][];
    private readonly PacketLoop _loop;
    private int _flow;

    internal Guarding(Action<GuardControl> ask)
    {
        var (from, to) = (new InMemoryPort(_control.Pool), new InMemoryPort(_control.Pool));
        byte[] mac = [2, 0, 0, 0, 0, 1];
        var inside = _control.AddInterface(new InterfaceSettings { Name = "in", Type = "in-memory", Mac = new PhysicalAddress(mac) }, from);
        var outside = _control.AddInterface(new InterfaceSettings { Name = "out", Type = "in-memory" }, to);
        _control.SetAddresses(inside, [new InterfaceAddress(IPAddress.Parse("10.0.255.1"), 16)]);
        _control.SetAddresses(outside, [new InterfaceAddress(IPAddress.Parse("10.1.0.1"), 24)]);
        _control.AddNeighbor(outside, IPAddress.Parse("10.1.0.2"), new PhysicalAddress([2, 0, 0, 0, 0, 9]));
        _control.AddRoute(new RouteSettings { To = IPNetwork.Parse("20.0.0.0/8"), Via = IPAddress.Parse("10.1.0.2") });
        ask(_control.Guarding);
        var random = new Random(5);
        for (var i = 0; i < Flows; i++)
        {
            var sender = random.Next(Senders);
            byte[] frame = [.. mac, .. Station(sender), 8, 0, 0x45, 0, 0, PacketLength, 0, 1, 0, 0, 64, 17, 0, 0, .. Address(sender), 20, (byte)random.Next(256), (byte)random.Next(256), 2];
            Ip4Checksum.Set(frame.AsSpan(14));
            _headers[i] = frame;
        }

        _loop = new PacketLoop(_control, from, to, Write);
    }

    internal Contender Contender => _loop.Contender(Contest.Gateway);

    /// <summary>The cases and what they ask.</summary>
    internal static (string Name, Action<GuardControl> Ask)[] Cases { get; } =
    [
        ("ip4-policer", guarding =>
        {
            guarding.SetPolicer("p", new PolicerSpec { Mode = PolicerMode.TwoRate, Rate = new(500_000_000_000, false), Burst = new(400_000_000, false), PeakRate = new(500_000_000_000, false), PeakBurst = new(400_000_000, false) });
            guarding.Bind("in", new GuardBinding { PolicerIn = "p" });
        }),
        ("ip4-source-limit", guarding =>
        {
            guarding.SetSourceLimit("l", new SourceLimitSpec { PacketsPerSecond = 1_000_000, PacketBurst = 10_000_000 });
            guarding.Bind("in", new GuardBinding { SourceLimit = "l" });
        }),
        ("ip4-mac-acl-1000", guarding =>
        {
            var rules = Enumerable.Range(0, Senders).Select(i => new MacAclRule
            {
                Action = MacAclAction.Permit,
                From = new MacAddress(Station(i).Aggregate(0ul, (value, octet) => value << 8 | octet)),
                SourceIp = [new IpPrefix(new IPAddress(Address(i)), 32)],
            });
            guarding.SetMacAcl("m", new MacAclSpec { Rules = ValueList.ToValueList(rules) });
            guarding.Bind("in", new GuardBinding { MacIn = ["m"] });
        }),
    ];

    public void Dispose()
    {
        _loop.Dispose();
        _control.Dispose();
    }

    private int Write(int number, byte* frame)
    {
        Unsafe.CopyBlockUnaligned(ref *frame, ref _headers[_flow][0], 34);
        if (++_flow == Flows) _flow = 0;
        return PacketLength + 14;
    }

    private static byte[] Station(int sender) => [2, 0, 0, 1, (byte)(sender >> 8), (byte)sender];

    private static byte[] Address(int sender) => [10, 0, (byte)(sender >> 8), (byte)sender];
}
