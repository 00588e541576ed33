using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Esp;

/// <summary>The route that outer packets take to an SA's peer.</summary>
internal static unsafe class SaRoute
{
    /// <summary>The adjacency, remembered until any route or the peer's address changes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NextHopOf(ref Frame frame, SaEntry* sa, SaPath* path)
    {
        // Read before the table is.
        var at = path->V6 ? frame.Tables.Fib6.Changes : frame.Tables.Fib4.Changes;
        return sa->Out.RoutedAt == at && sa->Out.RoutedPath == path->Number ? sa->Out.NextHop : Remember(ref frame, sa, path, at);
    }

    /// <summary>The adjacency as the tables have it now.</summary>
    public static uint Lookup(ref Frame frame, SaEntry* sa, SaPath* path) => path->V6
        ? frame.Tables.Fib6.Lookup(sa->OuterVrf, (ulong)(path->Remote >> 64), (ulong)path->Remote)
        : frame.Tables.Fib4.Lookup(sa->OuterVrf, (uint)path->Remote);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Remember(ref Frame frame, SaEntry* sa, SaPath* path, ulong at)
    {
        sa->Out.RoutedAt = at;
        sa->Out.RoutedPath = path->Number;
        return sa->Out.NextHop = Lookup(ref frame, sa, path);
    }
}
