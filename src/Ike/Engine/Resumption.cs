using Gateway.Ike.Exchanges;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Engine;

/// <summary>
/// Makes one truth of what the vault and the journal say after a process ended at any instruction. A step stores its slots, then its facts, and only
/// then acts, so three things can be found:
/// a slot that is ahead of the facts (nothing left the gateway yet: the facts are written now, and the step is whole);
/// one of two slots of a step (the rekeying of an IKE SA stores the new one before the old one: the new one never served, and the step is done again);
/// facts whose acts are missing (the acts are repeated: what is sent is in the slot).
/// </summary>
internal sealed class Resumption(JournalledSas journal, IReadOnlyList<IkeSaState> decoded, Func<KeyHandle, bool> holds)
{
    private readonly SortedDictionary<ulong, IkeSaState> _states = new(decoded.ToDictionary(s => s.Peering.Id.Value));
    private readonly List<(IkeSaId, string)> _lost = [];
    private readonly HashSet<ulong> _changed = [];

    /// <summary>What goes on.</summary>
    public IEnumerable<IkeSaState> States => _states.Values;

    /// <summary>IKE SAs of the journal that do not.</summary>
    public IReadOnlyList<(IkeSaId IkeSa, string Reason)> Lost => _lost;

    /// <summary>Decides, and asks of the Host what must be done: slots first, then facts, then the dataplane.</summary>
    public void Run(OutputList outputs)
    {
        foreach (var state in _states.Values.Where(s => journal.Ended.Contains(s.Peering.Id)).ToList()) Drop(state, outputs);
        foreach (var state in _states.Values.Where(IsHalfMade).ToList()) Drop(state, outputs);
        SettleClaims(outputs);
        foreach (var state in _states.Values.OfType<IkeSaState.Established>().Where(s => s.Children.Any(c => c.Installed && !HasKeys(c))).ToList())
        {
            if (journal.IkeSas.Contains(state.Peering.Id)) _lost.Add((state.Peering.Id, "keys-missing"));
            Drop(state, outputs);
        }

        foreach (var id in _changed)
            if (_states.TryGetValue(id, out var state)) outputs.Add(new IkeOutput.Store(state.Peering.Slot, IkeSaSnapshot.Encode(state)));
        WriteFacts(outputs);
        foreach (var child in Children().OrderBy(c => c.Id.Value)) outputs.Add(new IkeOutput.Install(child.Parameters, child.OutboundHeld));
    }

    // The slot of the IKE SA that a rekeying made is stored before that of the one it replaces. When the latter does not know of it yet, the step is done again.
    private bool IsHalfMade(IkeSaState state) =>
        state.Peering.Replaces is { } before && !journal.IkeSas.Contains(state.Peering.Id)
        && _states.GetValueOrDefault(before.Value) is IkeSaState.Established old
        && !(old.Task is OwnTask.RekeyingIke { Rival: { } rival } && rival.IkeSa == state.Peering.Id);

    // RFC 7296 §2.8: at the end of a rekeying the children go over. Both slots have them when only the heir's was stored; then ChildSasInherited is not in the journal.
    private void SettleClaims(OutputList outputs)
    {
        var claims = _states.Values.OfType<IkeSaState.Established>().SelectMany(s => s.Children.Where(c => c.Installed).Select(c => (Child: c.Id, Claimant: s.Peering.Id)))
            .GroupBy(c => c.Child, c => c.Claimant).Where(g => g.Count() > 1).ToList();
        foreach (var claim in claims)
        {
            var owner = journal.ChildSas.TryGetValue(claim.Key, out var known) && claim.Contains(known.IkeSa) ? known.IkeSa : claim.MinBy(c => c.Value);
            foreach (var other in claim.Where(c => c != owner))
            {
                var state = (IkeSaState.Established)_states[other.Value];
                // It waits for its estate again, which the same answer of the peer brings.
                _states[other.Value] = state with
                {
                    Children = state.Children.Where(c => c.Id != claim.Key).ToValueList(),
                    AwaitsEstate = true,
                    Timers = state.Timers.Remove(new TimerId(TimerKind.ChildRekey, claim.Key.Value)).Remove(new TimerId(TimerKind.ChildExpire, claim.Key.Value)).Remove(new TimerId(TimerKind.ChildIdle, claim.Key.Value)),
                };
                _changed.Add(other.Value);
            }
        }
    }

    private void WriteFacts(OutputList outputs)
    {
        var owners = Children().ToDictionary(c => c.Id, c => c.Parameters.IkeSa);
        foreach (var state in _states.Values.Where(s => IsUp(s) && !journal.IkeSas.Contains(s.Peering.Id))) Fact(Lifecycle.Established(state.Peering));
        foreach (var move in journal.ChildSas.Where(c => owners.TryGetValue(c.Key, out var owner) && owner != c.Value.IkeSa)
            .Select(c => new ChildSasInherited(c.Value.IkeSa, owners[c.Key])).Distinct().OrderBy(f => f.To.Value)) Fact(move);
        foreach (var child in Children().Where(c => !journal.ChildSas.ContainsKey(c.Id)).OrderBy(c => c.Id.Value))
            Fact(new ChildSaInstalled(child.Parameters, child.Proposal, child.Replaces));
        foreach (var (id, child) in journal.ChildSas.Where(c => !owners.ContainsKey(c.Key) && _states.ContainsKey(c.Value.IkeSa.Value)).OrderBy(c => c.Key.Value))
            Fact(new ChildSaClosed(id, child.IkeSa, child.Connection, child.Child, "restart"));
        foreach (var id in journal.IkeSas.Where(id => !_states.ContainsKey(id.Value) && _lost.TrueForAll(l => l.Item1 != id)).OrderBy(id => id.Value)) _lost.Add((id, "no-slot"));
        foreach (var (id, reason) in _lost) Fact(new SaLost(id, reason));

        void Fact(GatewayEvent e) => outputs.Add(new IkeOutput.Fact(e));
    }

    // Those of which a fact tells: authenticated, and not the loser of a collision.
    private static bool IsUp(IkeSaState state) => state is IkeSaState.Established or IkeSaState.Replaced or IkeSaState.Deleting { Reason: not null };

    private IEnumerable<ChildSa> Children() => _states.Values.OfType<IkeSaState.Established>().SelectMany(s => s.Children.Where(c => c.Installed));

    private bool HasKeys(ChildSa child) => holds(child.Parameters.InboundKey) && holds(child.Parameters.OutboundKey);

    private void Drop(IkeSaState state, OutputList outputs)
    {
        _states.Remove(state.Peering.Id.Value);
        outputs.Add(new IkeOutput.Shred(state.Peering.Slot));
        state.Release();
    }
}
