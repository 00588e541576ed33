using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Tables;

/// <summary>What an interface is and does.</summary>
[Flags]
internal enum InterfaceFlags : uint
{
    None = 0,

    /// <summary>The slot holds an interface.</summary>
    Present = 1,

    /// <summary>Enabled in the configuration; a disabled one neither receives nor sends.</summary>
    Enabled = 2,

    /// <summary>The tap behind which the host's own stack lives: what it sends counts as the gateway's own, and every ARP request or solicitation on it is answered.</summary>
    Punt = 4,

    /// <summary>The MSS of TCP connections is lowered to what fits the interface.</summary>
    ClampMss = 8,

    /// <summary>Has no wire: only its addresses matter.</summary>
    Loopback = 16,

    /// <summary>A packet whose source has no route is dropped.</summary>
    SourceCheck = 32,

    /// <summary>Carries VLAN sub-interfaces: tagged frames are sorted by their tags first.</summary>
    SubInterfaces = 64,

    /// <summary>A member of a bridge: frames are switched, not routed.</summary>
    Bridged = 128,

    /// <summary>One end of a cross-connect: every frame leaves by the other end.</summary>
    Connected = 256,

    /// <summary>Has no port of its own: what leaves by it goes on in the graph, as <see cref="InterfaceEntry.Link"/> says.</summary>
    Virtual = 512,

    /// <summary>IPv4 packets that come in meet rules.</summary>
    AclIn4 = 1 << 10,

    /// <summary>IPv6 packets that come in meet rules.</summary>
    AclIn6 = 1 << 11,

    /// <summary>IPv4 packets that are routed out meet rules.</summary>
    AclOut4 = 1 << 12,

    /// <summary>IPv6 packets that are routed out meet rules.</summary>
    AclOut6 = 1 << 13,

    /// <summary>Carries packets without Ethernet headers to one other end: it has no neighbors.</summary>
    PointToPoint = 1 << 20,

    /// <summary>IPv4: a route must lead back to the source of what comes in.</summary>
    LooseSource4 = 1 << 23,

    /// <summary>IPv4: that route must leave by this interface.</summary>
    StrictSource4 = 1 << 24,

    /// <inheritdoc cref="LooseSource4"/>
    LooseSource6 = 1 << 25,

    /// <inheritdoc cref="StrictSource4"/>
    StrictSource6 = 1 << 26,

    /// <summary>Hosts that ask for a router advertisement get one.</summary>
    Advertises = 1 << 27,

    /// <summary>Its addresses are another interface's: who is on its link is a matter of routes.</summary>
    Unnumbered = 1 << 28,

    /// <summary>Any of those that ask for the way back of IPv4.</summary>
    ReversePath4 = LooseSource4 | StrictSource4,

    /// <inheritdoc cref="ReversePath4"/>
    ReversePath6 = LooseSource6 | StrictSource6,

    /// <summary>Frames that come in are copied to <see cref="InterfaceEntry.SpanTo"/>.</summary>
    SpanIn = 1 << 21,

    /// <summary>Frames that leave are copied to <see cref="InterfaceEntry.SpanTo"/>.</summary>
    SpanOut = 1 << 22,

    /// <summary>Frames that come in are held to what <see cref="Guard.GuardSlots"/> says.</summary>
    GuardIn = 1 << 18,

    /// <summary>Frames that leave are held to what <see cref="Guard.GuardSlots"/> says.</summary>
    GuardOut = 1 << 19,

    /// <summary>Any of those by which a frame is looked at before it is known to be for the gateway.</summary>
    Layer2 = SubInterfaces | Bridged | Connected,
}

/// <summary>What stands behind an interface without a port.</summary>
internal enum LinkKind : byte
{
    /// <summary>A port, or nothing.</summary>
    Port,

    /// <summary>Tags on the frames of another interface.</summary>
    Vlan,

    /// <summary>The routed member of a bridge.</summary>
    Bvi,

    /// <summary>VXLAN to one or several remote ends.</summary>
    Vxlan,

    /// <summary>IP in IP, or GRE, to one remote end.</summary>
    IpTunnel,
}

/// <summary>An address of an interface with its prefix length; IPv4 in the low 32 bits, host order.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct InterfaceAddressEntry
{
    public const byte End = 255;

    public ulong High;
    public ulong Low;
    public byte PrefixLength;
    public bool V6;
}

/// <summary>An interface as workers see it; two cache lines.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal unsafe struct InterfaceEntry
{
    public InterfaceFlags Flags;
    public uint Vrf;

    /// <summary>The six bytes as they lie in memory, read as the low 48 bits (<see cref="MacAddress"/>).</summary>
    public ulong Mac;

    /// <summary>The MAC address of the host behind a punt interface.</summary>
    public ulong HostMac;

    /// <summary>Largest IP packet, bytes.</summary>
    public uint Mtu;

    /// <summary>Worker that sends for those which have no queue of the port.</summary>
    public uint Worker;

    /// <summary>First IPv4 address, host order; 0 none.</summary>
    public uint Ip4;

    /// <summary>An ipsec interface: the number that children name it by; else 0.</summary>
    public uint IfId;

    /// <summary>First IPv6 address that is not link-local; 0 none.</summary>
    public ulong Ip6High;
    public ulong Ip6Low;

    /// <summary>Link-local address fe80::/64, its low half; 0 none.</summary>
    public ulong LinkLocalLow;

    /// <summary>Workers (a bit each) that have a queue of the port.</summary>
    public ulong Workers;

    /// <summary>All addresses but the link-local one, up to one whose prefix length is <see cref="InterfaceAddressEntry.End"/>; null none.</summary>
    public InterfaceAddressEntry* Addresses;

    /// <summary>The interface whose frames carry this one's; 0 none.</summary>
    public uint Carrier;

    /// <summary>The other end of a cross-connect; 0 none.</summary>
    public uint Peer;

    /// <summary>Node for frames that come in by the port; 0 is ethernet-input.</summary>
    public ushort InputNode;

    public LinkKind Link;

    /// <summary>Bytes of <see cref="Tags"/>: 4, or 8 for two tags.</summary>
    public byte TagBytes;

    /// <summary>The VLAN tags of a sub-interface as they lie in the frame, outer first.</summary>
    public ulong Tags;

    /// <summary>The remote ends of a tunnel; null none.</summary>
    public TunnelEntry* Tunnel;

    /// <summary>The interface that takes the copies of a mirror; 0 none.</summary>
    public uint SpanTo;

    /// <summary>Blocks of special addresses (<see cref="Guard.Bogons"/>, a bit each) whose addresses are no sources here, of IPv4 and of IPv6.</summary>
    public uint Bogons4, Bogons6;

    /// <summary>Seconds between two questions for a neighbor's MAC address, and how many are asked.</summary>
    public byte NeighborRetrans;

    /// <inheritdoc cref="NeighborRetrans"/>
    public byte NeighborProbes;
}

/// <summary>The interfaces by index, 1 upwards. Lives in one place for ever, so workers may hold pointers into it.</summary>
internal sealed unsafe class InterfaceTable : IDisposable
{
    /// <summary>Indices run below this.</summary>
    public const int Capacity = 4096;

    /// <summary>No interface has this index: as the one that a packet came in by it marks a mirror's copy, and what carries one.</summary>
    public const uint Mirrored = Capacity - 1;

    private readonly InterfaceEntry* _entries;

    public InterfaceTable() => _entries = (InterfaceEntry*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(InterfaceEntry));

    public InterfaceEntry* this[uint index] => _entries + (index & (Capacity - 1));

    /// <summary>What an interface is, read before all that was written of it before it became that.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static InterfaceFlags FlagsOf(InterfaceEntry* entry) => (InterfaceFlags)Volatile.Read(ref *(uint*)&entry->Flags);

    public void Dispose()
    {
        for (uint i = 0; i < Capacity; i++)
        {
            NativeMemory.AlignedFree(_entries[i].Addresses);
            NativeMemory.AlignedFree(_entries[i].Tunnel);
        }
        NativeMemory.Free(_entries);
    }
}
