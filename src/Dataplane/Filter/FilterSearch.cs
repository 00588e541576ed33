using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Filter;

/// <summary>
/// Finds the rules of many packets at once. All packets take a step, then all take the next: no step waits for the one before of the same packet, and nothing of a packet's way has to be guessed by the processor,
/// since a step writes both of what may follow and counts only what does. That costs less than half of following one packet after the other.
/// </summary>
internal static unsafe class FilterSearch
{
    /// <summary>Steps that may be due at once; rules that need more are followed packet by packet.</summary>
    private const int Room = Frame.Size * 8;

    /// <param name="program">Compiled rules.</param>
    /// <param name="keys">Keys of the packets, one behind the other.</param>
    /// <param name="count">At most <see cref="Frame.Size"/>.</param>
    /// <param name="found">Becomes the rule of each packet, or <see cref="FilterProgram.None"/>.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Find<TFamily>(FilterProgram* program, uint* keys, int count, uint* found)
        where TFamily : struct, IFilterFamily
    {
        // A step: the packet in the low half, the node in the high one. Each round may write one step more than it counts.
        var due = stackalloc ulong[Room + 2];
        var next = stackalloc ulong[Room + 2];
        var lists = stackalloc ulong[Room + 2];
        var nodes = program->Nodes;
        for (var i = 0; i < count; i++)
        {
            due[i] = (uint)i;
            found[i] = FilterProgram.None;
        }
        for (var steps = count; steps > 0;)
        {
            if (steps > Room / 2)
            {
                FollowEach<TFamily>(program, keys, due, steps, found);
                return;
            }
            var (ahead, listed) = (0u, 0u);
            for (var i = 0; i < steps; i++)
            {
                var packet = (uint)due[i];
                var at = due[i] >> 32;
                var node = nodes + at;
                uint mask = node->Mask;
                var key = keys + packet * (uint)TFamily.KeyWords;
                // The signs of differences, since the compiler makes branches of conditions in a loop.
                var alive = (uint)((ulong)((long)node->First - found[packet]) >> 63);
                var cuts = 0 - ((0 - mask) >> 31);
                var child = node->Base + (key[node->Word] >> node->Shift & mask);
                if (Sse.IsSupported)
                {
                    var (branch, list) = ((nuint)(nodes + child), (nuint)(program->Entries + (nuint)node->Base * (nuint)TFamily.EntrySize));
                    var ahead0 = (byte*)(list ^ ((branch ^ list) & (nuint)(nint)(int)cuts));
                    Sse.Prefetch0(ahead0);
                    Sse.Prefetch0(ahead0 + (64 & ~(int)cuts));
                }
                next[ahead] = packet | (ulong)child << 32;
                ahead += alive & cuts;
                next[ahead] = packet | (ulong)node->Also << 32;
                ahead += alive & cuts & (uint)((0 - (ulong)node->Also) >> 63);
                lists[listed] = due[i];
                listed += alive & ~cuts;
            }
            for (var i = 0; i < listed; i++)
            {
                var packet = (uint)lists[i];
                var node = nodes + (lists[i] >> 32);
                var rule = TFamily.First(program, keys + packet * (uint)TFamily.KeyWords, node->Base, node->Also);
                var lower = (long)rule - found[packet];
                found[packet] += (uint)(lower & lower >> 63);
            }
            var taken = due;
            due = next;
            next = taken;
            steps = (int)ahead;
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FollowEach<TFamily>(FilterProgram* program, uint* keys, ulong* due, int steps, uint* found)
        where TFamily : struct, IFilterFamily
    {
        var waiting = stackalloc uint[FilterProgram.MaxWaiting];
        for (var i = 0; i < steps; i++)
        {
            var packet = (uint)due[i];
            found[packet] = FilterProgram.Find<TFamily>(program, keys + packet * (uint)TFamily.KeyWords, waiting, (uint)(due[i] >> 32), found[packet]);
        }
    }
}
