using System.Buffers;
using Gateway.Crypto.Hashing;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.History;

/// <summary>Where the chain does not hold, and how.</summary>
internal sealed record ChainFault(long Position, string Sentence)
{
    /// <summary>Events whose hashes are computed from one buffer: it stays in the processor's cache.</summary>
    private const int AtOnce = 64;

    /// <summary>Messages of more octets than this would keep seven others waiting.</summary>
    private const int Long = 8192;

    /// <summary>
    /// What is wrong first with the events of <paramref name="page"/> behind <paramref name="after"/>; null when nothing is. That an event follows from the one
    /// before it needs only the hash that the one before it bears, so that many are checked side by side.
    /// </summary>
    /// <param name="after">What stands before the page.</param>
    /// <param name="page">Events in the order of the stream.</param>
    /// <param name="sound">How many of them stand where they belong and are what was written.</param>
    public static ChainFault? Of(JournalHead after, IReadOnlyList<Envelope> page, out int sound)
    {
        var placed = 0;
        while (placed < page.Count && page[placed].Position == after.Position + 1 + placed) placed++;
        sound = FirstChanged(after, page, placed);
        if (sound < placed) return new ChainFault(page[sound].Position, $"The event at position {page[sound].Position} was changed: its hash does not follow from the one before it.");
        if (placed == page.Count) return null;
        var (due, found) = (after.Position + 1 + placed, page[placed].Position);
        return new ChainFault(due, found > due ? $"Position {due} is missing: the next one that is there is {found}." : $"Position {found} stands where {due} belongs.");
    }

    /// <summary>What is wrong with <paramref name="envelope"/> as the next event behind <paramref name="after"/>; null when nothing is.</summary>
    public static ChainFault? Of(JournalHead after, Envelope envelope) => Of(after, [envelope], out _);

    private static int FirstChanged(JournalHead after, IReadOnlyList<Envelope> page, int count)
    {
        Span<(int Start, int Length)> messages = stackalloc (int, int)[AtOnce];
        Span<int> order = stackalloc int[AtOnce];
        for (var from = 0; from < count; from += AtOnce)
        {
            var some = Math.Min(AtOnce, count - from);
            var (octets, changed, waiting) = (0, count, 0);
            for (var i = 0; i < some; i++) octets += Math.Min(Long, Sha256Lanes.PaddedLength(HashChain.MostOctets(page[from + i])));
            var buffer = ArrayPool<byte>.Shared.Rent(octets);
            octets = 0;
            for (var i = 0; i < some; i++)
            {
                var envelope = page[from + i];
                var before = from + i == 0 ? after.Hash : page[from + i - 1].Hash;
                if (Sha256Lanes.PaddedLength(HashChain.MostOctets(envelope)) > Long)
                {
                    if (!HashChain.Holds(before, envelope)) changed = Math.Min(changed, from + i);
                    continue;
                }

                messages[i] = (octets, Sha256Lanes.Pad(buffer.AsSpan(octets), HashChain.Write(before, envelope, buffer.AsSpan(octets))));
                octets += messages[i].Length;
                order[waiting++] = i;
            }

            changed = Math.Min(changed, Compare(buffer, messages, order[..waiting], page, from));
            ArrayPool<byte>.Shared.Return(buffer);
            if (changed < count) return changed;
        }

        return count;
    }

    // Those of like length go together, so that no lane waits long for another.
    private static int Compare(ReadOnlySpan<byte> buffer, ReadOnlySpan<(int Start, int Length)> messages, Span<int> order, IReadOnlyList<Envelope> page, int from)
    {
        Span<int> lengths = stackalloc int[AtOnce];
        for (var i = 0; i < order.Length; i++) lengths[i] = messages[order[i]].Length;
        lengths[..order.Length].Sort(order);
        Span<(int, int)> lanes = stackalloc (int, int)[Sha256Lanes.Count];
        Span<byte> hashes = stackalloc byte[Sha256Lanes.Count * Sha256Lanes.HashLength];
        var first = int.MaxValue;
        for (var at = 0; at < order.Length; at += Sha256Lanes.Count)
        {
            var group = order.Slice(at, Math.Min(Sha256Lanes.Count, order.Length - at));
            for (var i = 0; i < group.Length; i++) lanes[i] = messages[group[i]];
            Sha256Lanes.Hash(buffer, lanes[..group.Length], hashes);
            for (var i = 0; i < group.Length; i++)
                if (!page[from + group[i]].Hash.Span.SequenceEqual(hashes.Slice(i * Sha256Lanes.HashLength, Sha256Lanes.HashLength))) first = Math.Min(first, from + group[i]);
        }

        return first;
    }
}
