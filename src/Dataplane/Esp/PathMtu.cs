using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>How big an inner packet may be so that the outer one fits the way to the peer (RFC 4301 §8.2).</summary>
internal static unsafe class PathMtu
{
    /// <summary>The outer route is looked at again after this time, ns.</summary>
    private const long Interval = 1_000_000_000;

    /// <summary>When no route says anything: the next lookup will drop the packet with its own reason.</summary>
    private const uint Default = 1500;

    private const int Trailer = 2;

    /// <summary>Largest inner packet, bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int InnerOf(ref Frame frame, SaEntry* sa)
    {
        // Read first: zero is written after the path or its MTU changed.
        var at = Volatile.Read(ref sa->Out.EffectiveMtuAt);
        if (at == 0 || frame.Now - at > Interval) Refresh(ref frame, sa);
        var path = sa->Out.Path;
        // In transport mode the header is the packet's own.
        return InnerOf((int)sa->Out.EffectiveMtu, path->HeaderLength + sa->HeaderLength, sa->IcvLength, sa->Alignment)
            + ((sa->Flags & SaFlags.Transport) == 0 ? 0 : path->IpLength);
    }

    /// <summary>The ciphertext is whole blocks, and pad length and next header are in it.</summary>
    /// <param name="header">All before the ciphertext.</param>
    public static int InnerOf(int outer, int header, int icv, int alignment) => ((outer - header - icv) & -alignment) - Trailer;

    private static void Refresh(ref Frame frame, SaEntry* sa)
    {
        var path = sa->Out.Path;
        var adjacency = SaRoute.Lookup(ref frame, sa, path);
        var mtu = adjacency == AdjacencyTable.NoRoute ? 0 : frame.Tables.Adjacencies[adjacency]->Mtu;
        if (mtu == 0) mtu = Default;
        sa->Out.EffectiveMtu = sa->Out.PathMtu == 0 ? mtu : Math.Min(mtu, sa->Out.PathMtu);
        sa->Out.EffectiveMtuAt = Math.Max(frame.Now, 1);
    }
}
