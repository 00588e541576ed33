using System.Security.Cryptography;
using Gateway.Crypto.Hashing;
using Gateway.Host.Journal.Pages;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.History;

/// <summary>Where the chain does not hold, and how.</summary>
internal sealed record ChainFault(long Position, string Sentence)
{
    /// <summary>Events among which those of like length are looked for.</summary>
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
    public static ChainFault? Of(JournalHead after, EventPage page, out int sound)
    {
        var placed = 0;
        while (placed < page.Count && page.PositionAt(placed) == after.Position + 1 + placed) placed++;
        sound = page.Follows(after) ? FirstChanged(page, Math.Min(placed, page.WellFormed)) : 0;
        if (sound < placed) return Changed(page.PositionAt(sound));
        if (placed == page.Count) return null;
        var (due, found) = (after.Position + 1 + placed, page.PositionAt(placed));
        return Misplaced(due, found);
    }

    /// <summary>What is wrong with <paramref name="envelope"/> as the next event behind <paramref name="after"/>; null when nothing is.</summary>
    public static ChainFault? Of(JournalHead after, Envelope envelope)
    {
        if (envelope.Position != after.Position + 1) return Misplaced(after.Position + 1, envelope.Position);
        return HashChain.Holds(after.Hash, envelope) ? null : Changed(envelope.Position);
    }

    private static ChainFault Changed(long position) => new(position, $"The event at position {position} was changed: its hash does not follow from the one before it.");

    private static ChainFault Misplaced(long due, long found) =>
        new(due, found > due ? $"Position {due} is missing: the next one that is there is {found}." : $"Position {found} stands where {due} belongs.");

    private static int FirstChanged(EventPage page, int count)
    {
        Span<int> order = stackalloc int[AtOnce];
        for (var from = 0; from < count; from += AtOnce)
        {
            var (to, changed, waiting) = (Math.Min(from + AtOnce, count), count, 0);
            for (var i = from; i < to; i++)
            {
                if (page.Message(i).Length <= Long) order[waiting++] = i;
                else if (!Holds(page, i)) changed = Math.Min(changed, i);
            }

            changed = Math.Min(changed, Compare(page, order[..waiting]));
            if (changed < count) return changed;
        }

        return count;
    }

    private static bool Holds(EventPage page, int index)
    {
        var (start, length) = page.Message(index);
        Span<byte> hash = stackalloc byte[HashChain.HashLength];
        SHA256.HashData(Sha256Lanes.Unpadded(page.Octets.Slice(start, length)), hash);
        return hash.SequenceEqual(page.HashAt(index));
    }

    // Those of like length go together, so that no lane waits long for another.
    private static int Compare(EventPage page, Span<int> order)
    {
        Span<int> lengths = stackalloc int[AtOnce];
        for (var i = 0; i < order.Length; i++) lengths[i] = page.Message(order[i]).Length;
        lengths[..order.Length].Sort(order);
        Span<(int, int)> lanes = stackalloc (int, int)[Sha256Lanes.Count];
        Span<byte> hashes = stackalloc byte[Sha256Lanes.Count * Sha256Lanes.HashLength];
        var first = int.MaxValue;
        for (var at = 0; at < order.Length; at += Sha256Lanes.Count)
        {
            var group = order[at..Math.Min(at + Sha256Lanes.Count, order.Length)];
            for (var i = 0; i < group.Length; i++) lanes[i] = page.Message(group[i]);
            Sha256Lanes.Hash(page.Octets, lanes[..group.Length], hashes);
            for (var i = 0; i < group.Length; i++)
                if (!page.HashAt(group[i]).SequenceEqual(hashes.Slice(i * Sha256Lanes.HashLength, Sha256Lanes.HashLength))) first = Math.Min(first, group[i]);
        }

        return first;
    }
}
