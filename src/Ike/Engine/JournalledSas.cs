using Gateway.Policy.Sa;

namespace Gateway.Ike.Engine;

/// <summary>What the journal says of SAs, as far as resuming them needs it.</summary>
/// <param name="IkeSas">Those that are up by the journal.</param>
/// <param name="ChildSas">Those that are up by the journal.</param>
/// <param name="Ended">Of those with a slot: IKE SAs whose end is in the journal.</param>
public sealed record JournalledSas(
    IReadOnlySet<IkeSaId> IkeSas, IReadOnlyDictionary<ChildSaId, JournalledChild> ChildSas, IReadOnlySet<IkeSaId> Ended)
{
    public static JournalledSas None { get; } = new(new HashSet<IkeSaId>(), new Dictionary<ChildSaId, JournalledChild>(), new HashSet<IkeSaId>());
}

/// <summary>A CHILD SA in the journal, with the IKE SA that it belongs to.</summary>
public sealed record JournalledChild(IkeSaId IkeSa, ConnectionName Connection, ChildName Child);

/// <summary>What was resumed, and what of the journal was not.</summary>
/// <param name="IkeSas">Resumed, also those that were not up yet.</param>
/// <param name="ChildSas">Installed again.</param>
/// <param name="Lost">IKE SAs of the journal that are gone with all their children, and a stable word why.</param>
/// <param name="Refused">A sentence for each slot that was of no use.</param>
public sealed record ResumeReport(
    IReadOnlyList<IkeSaId> IkeSas, IReadOnlyList<ChildSaId> ChildSas, IReadOnlyList<(IkeSaId IkeSa, string Reason)> Lost, IReadOnlyList<string> Refused);
