using System.Buffers.Binary;
using System.Net;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>A network that router advertisements name (RFC 4861 §4.6.2). Lifetimes in seconds.</summary>
public sealed record PrefixInformation(IPAddress Prefix, int Length, bool OnLink, bool Autonomous, uint Valid, uint Preferred);

/// <summary>What an interface tells IPv6 hosts (RFC 4861 §6.2.1). Times in seconds.</summary>
public sealed record RouterAdvertisement
{
    // RFC 4861 §6.2.1: AdvValidLifetime and AdvPreferredLifetime.
    private const uint DefaultValid = 2_592_000, DefaultPreferred = 604_800;
    private const int Ethernet = EthernetInput.HeaderLength, Ip = Ip6Header.Length;
    private const byte IcmpType = 134;

    /// <summary>Longest time between two.</summary>
    public int Interval { get; init; } = 600;

    /// <summary>How long hosts use the gateway as a default router.</summary>
    public int Lifetime { get; init; } = 1800;

    public bool Managed { get; init; }

    public bool OtherConfig { get; init; }

    public byte HopLimit { get; init; } = 64;

    /// <summary>Empty: the networks of the interface's addresses.</summary>
    public IReadOnlyList<PrefixInformation> Prefixes { get; init; } = [];

    public IReadOnlyList<IPAddress> Dns { get; init; } = [];

    /// <summary>
    /// The frame to all hosts of the link.
    /// <code>
    /// +---------------+---------------+-------------------------------+
    /// |  134          |   code 0      |           checksum            |
    /// | hop limit     |M|O| reserved  |       router lifetime         |
    /// |                        reachable time                         |
    /// |                        retrans timer                          |
    /// |   options: source link-layer address, MTU, prefixes, RDNSS    |
    /// </code>
    /// </summary>
    /// <param name="isLast">The gateway ceases to be a router here (§6.2.5).</param>
    internal unsafe byte[] ToFrame(InterfaceEntry* entry, IEnumerable<InterfaceAddress> addresses, bool isLast)
    {
        var mac = MacAddress.ToBytes(entry->Mac);
        List<byte> icmp = [IcmpType, 0, 0, 0, HopLimit, (byte)((Managed ? 0x80 : 0) | (OtherConfig ? 0x40 : 0)), .. Be16(isLast ? 0 : Lifetime), .. Be32(0), .. Be32(0)];
        icmp.AddRange([1, 1, .. mac]);
        icmp.AddRange([5, 1, 0, 0, .. Be32(entry->Mtu)]);
        foreach (var told in Prefixes.Count > 0 ? Prefixes : addresses.Select(Own).OfType<PrefixInformation>().DistinctBy(p => (p.Prefix, p.Length)))
            icmp.AddRange([3, 4, (byte)told.Length, (byte)((told.OnLink ? 0x80 : 0) | (told.Autonomous ? 0x40 : 0)), .. Be32(told.Valid), .. Be32(told.Preferred), 0, 0, 0, 0, .. told.Prefix.GetAddressBytes()]);
        // RFC 8106 §5.1: by default three times the interval.
        if (Dns.Count > 0) icmp.AddRange([25, (byte)(1 + (2 * Dns.Count)), 0, 0, .. Be32(isLast ? 0 : (uint)(3 * Interval)), .. Dns.SelectMany(d => d.GetAddressBytes())]);

        var frame = new byte[Ethernet + Ip + icmp.Count];
        icmp.CopyTo(frame, Ethernet + Ip);
        fixed (byte* at = frame)
        {
            // RFC 2464 §7: the MAC address of the group of all nodes.
            ((ReadOnlySpan<byte>)[0x33, 0x33, 0, 0, 0, 1, .. mac, 0x86, 0xDD]).CopyTo(frame);
            // RFC 4861 §4.2: from the link-local address, with hop limit 255.
            Ip6Header.Write(at + Ethernet, icmp.Count, 58, 255, 0xFE80_0000_0000_0000, entry->LinkLocalLow, 0xFF02_0000_0000_0000, 1);
            var sum = Checksum.Fold(Checksum.Add(Checksum.Pseudo6(at + Ethernet + 8, 58, icmp.Count), at + Ethernet + Ip, icmp.Count));
            System.Runtime.CompilerServices.Unsafe.WriteUnaligned(at + Ethernet + Ip + 2, sum);
        }
        return frame;
    }

    private static PrefixInformation? Own(InterfaceAddress address)
    {
        var words = AddressWords.From(address.Address);
        const int autonomous = 64;
        return !words.V6 || words.IsLinkLocal6 || address.PrefixLength == words.HostLength ? null
            : new PrefixInformation(words.Masked(address.PrefixLength).ToAddress(), address.PrefixLength, true, address.PrefixLength == autonomous, DefaultValid, DefaultPreferred);
    }

    private static byte[] Be16(int value) => [(byte)(value >> 8), (byte)value];

    private static byte[] Be32(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
