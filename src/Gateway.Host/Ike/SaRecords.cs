using Gateway.Ike.Engine;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Ike;

/// <summary>What the journal says of SAs, put as the engine asks for it when it resumes them.</summary>
public static class SaRecords
{
    /// <summary>
    /// Events before the head in which the end of an IKE SA is looked for whose slot was not shredded any more: that follows its fact at once,
    /// so not many can have come in between.
    /// </summary>
    public const int Tail = 10_000;

    public static JournalledSas Of(SaInventory inventory, IReadOnlySet<IkeSaId> ended) => new(
        inventory.IkeSas.Values.Select(s => s.Id).ToHashSet(),
        inventory.ChildSas.Values.ToDictionary(c => c.Id, c => new JournalledChild(c.IkeSa, c.Parameters.Connection, c.Parameters.Child)),
        ended);

    /// <summary>The IKE SAs that ended within the journal's last events. Asked only when a slot is there that no fact of a living SA names.</summary>
    public static async Task<IReadOnlySet<IkeSaId>> EndedAsync(IJournal journal, JournalHead head, CancellationToken cancellationToken)
    {
        var ended = new HashSet<IkeSaId>();
        var begin = (await journal.BaseAsync(cancellationToken).ConfigureAwait(false))?.Head.Position ?? 0;
        await foreach (var e in journal.EventsAsync(Math.Max(begin + 1, head.Position - Tail), cancellationToken).ConfigureAwait(false))
        {
            switch (e.Event)
            {
                case IkeSaClosed closed: ended.Add(closed.Id); break;
                case SaLost lost: ended.Add(lost.Id); break;
                case IkeSaEstablished sa: ended.Remove(sa.Id); break;
            }
        }

        return ended;
    }

    /// <summary>What was up under IKE SAs that are lost: to be set up again.</summary>
    public static IReadOnlyList<(ConnectionName Connection, ValueList<ChildName> Children)> Under(SaInventory inventory, IReadOnlySet<IkeSaId> lost) =>
    [
        .. inventory.ChildSas.Values.Where(c => lost.Contains(c.IkeSa)).GroupBy(c => c.Parameters.Connection, c => c.Parameters.Child)
            .Select(g => (g.Key, g.Distinct().ToValueList())),
    ];
}
