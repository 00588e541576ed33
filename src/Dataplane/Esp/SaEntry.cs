using System.Runtime.InteropServices;
using Gateway.Crypto.Aead;
using Gateway.Crypto.Packet;

namespace Gateway.Dataplane.Esp;

/// <summary>Choices of an SA that both directions share.</summary>
[Flags]
internal enum SaFlags : uint
{
    None = 0,

    /// <summary>64-bit sequence numbers (RFC 4303 §2.2.1).</summary>
    Esn = 1,

    /// <summary>The outer header takes DF of the inner one (RFC 4301 §8.1).</summary>
    CopyDf = 2,

    /// <summary>ECN crosses the tunnel in RFC 6040's normal mode; else outer packets are Not-ECT and inner ones stay as they are.</summary>
    CopyEcn = 4,

    /// <summary>The outer header takes the DSCP of the inner one; else 0.</summary>
    CopyDscpOut = 8,

    /// <summary>ESP stands behind the packet's own IP header (RFC 4301 §4.1).</summary>
    Transport = 16,

    /// <summary>The inner header takes the DSCP of the outer one; else it stays.</summary>
    CopyDscpIn = 32,

    /// <summary>Decrypted packets arrive on <see cref="SaEntry.Interface"/> or not at all.</summary>
    Routed = 64,
}

/// <summary>What was told about a direction of an SA, so that each notice is given once.</summary>
[Flags]
internal enum SaNoted : uint
{
    None = 0,
    Soft = 1,
    Hard = 2,
    SequenceNearEnd = 4,
    SequenceEnded = 8,
}

/// <summary>Traffic of one direction and its limits. Written by the owner alone; 0 = no limit.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct SaTraffic
{
    public ulong Packets;

    /// <summary>Of inner IP packets.</summary>
    public ulong Bytes;

    /// <summary>Monotonic nanoseconds; 0 never.</summary>
    public long LastUsed;
    public ulong SoftBytes;
    public ulong HardBytes;
    public ulong SoftPackets;
    public ulong HardPackets;
    public SaNoted Noted;

    /// <summary>Whether any of the limits is set.</summary>
    public bool Limited;
}

/// <summary>Packets that an SA did not let through, by direction. The nodes' drop counters say the same over all SAs.</summary>
internal struct SaDrops
{
    public ulong Replayed;
    public ulong Forged;

    /// <summary>Authentic but outside the selectors.</summary>
    public ulong Policy;

    /// <summary>Authentic but malformed, or congestion that could not be told.</summary>
    public ulong Malformed;
    public ulong Expired;
    public ulong TooBig;
}

/// <summary>The direction to us.</summary>
internal unsafe struct SaInbound
{
    /// <summary>Where the key's table was last; <see cref="AesGcmKeyCache.Take"/> says where it is.</summary>
    public AesGcmKeyBlock* Key;

    /// <summary>Null with another cipher than AES-GCM.</summary>
    public AesGcmSeed* Seed;

    /// <summary>Null with AES-GCM.</summary>
    public PacketCipherBlock* Cipher;

    /// <summary>As it lies in memory.</summary>
    public uint Salt;
    public uint Spi;

    /// <summary>Packets; 0 = no anti-replay.</summary>
    public uint Window;
    public uint RingMask;
    public SelectorSet<uint>* Selectors4;
    public SelectorSet<UInt128>* Selectors6;

    /// <summary>Where an authenticated packet came from that <see cref="SaPath"/> does not name, as last told; a mix of address and port, 0 none.</summary>
    public ulong NotedSource;
    public long NotedSourceAt;
    public SaTraffic Traffic;
    public SaDrops Drops;
}

/// <summary>The direction from us.</summary>
internal unsafe struct SaOutbound
{
    /// <summary>Where the key's table was last; <see cref="AesGcmKeyCache.Take"/> says where it is.</summary>
    public AesGcmKeyBlock* Key;

    /// <summary>Null with another cipher than AES-GCM.</summary>
    public AesGcmSeed* Seed;

    /// <summary>Null with AES-GCM.</summary>
    public PacketCipherBlock* Cipher;
    public uint Salt;
    public uint Spi;

    /// <summary>The next packet's number.</summary>
    public ulong Next;

    /// <summary>What the hot state says: numbers below it may be used without asking again.</summary>
    public ulong Mark;

    /// <summary>First number that must not be used.</summary>
    public ulong End;

    /// <summary>From this number on a rekey is asked for.</summary>
    public ulong NearEnd;

    /// <summary>Replaced as a whole when an endpoint moves.</summary>
    public SaPath* Path;

    /// <summary>Largest outer IP packet towards the peer as known from the network; 0 = only the interface limits.</summary>
    public uint PathMtu;

    /// <summary>The smaller of <see cref="PathMtu"/> and the outer route's MTU, looked up again every second.</summary>
    public uint EffectiveMtu;
    public long EffectiveMtuAt;

    /// <summary>Where the path with number <see cref="RoutedPath"/> led when the forwarding table last stood at <see cref="RoutedAt"/>; the owner's memory.</summary>
    public uint NextHop;
    public ulong RoutedAt;
    public ulong RoutedPath;

    public SaTraffic Traffic;
    public SaDrops Drops;
}

/// <summary>Whose an SA is. Read and written as a whole, so that both halves belong together.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct SaPlace
{
    /// <summary>The worker that packets are sent to.</summary>
    [FieldOffset(0)] public int Worker;

    /// <summary>The only worker that may touch numbers, window and counters; while the SA moves still the former one.</summary>
    [FieldOffset(4)] public int Owner;

    [FieldOffset(0)] public ulong Whole;

    /// <summary>Where an SA is that stays with a worker.</summary>
    public static ulong Of(int worker) => (ulong)(uint)worker << 32 | (uint)worker;
}

/// <summary>
/// One CHILD SA as its worker sees it, both directions; the parameters of RFC 4301 §4.4.2.1. Native and in one place from install to removal,
/// then retired under the workers' epochs. Only the owner in <see cref="Place"/> touches its counters, numbers and window.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SaEntry
{
    /// <summary>The journal's number of the CHILD SA.</summary>
    public ulong Id;
    public SaPlace Place;
    public uint Index;
    public SaFlags Flags;
    public int IcvLength;

    /// <summary>ESP header and IV, bytes.</summary>
    public int HeaderLength;

    /// <summary>The encrypted part is a multiple of this, a power of two.</summary>
    public int Alignment;

    /// <summary>Interface that decrypted packets arrive on; 0 = the one their outer packet arrived on.</summary>
    public uint Interface;

    /// <summary>Where inner packets are looked up.</summary>
    public uint Vrf;

    /// <summary>Where outer packets are looked up.</summary>
    public uint OuterVrf;
    public SaHotState* Hot;

    /// <summary>Hot is private memory, freed with the entry.</summary>
    public bool OwnsHot;
    public SaInbound In;
    public SaOutbound Out;
}
