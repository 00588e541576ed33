using Gateway.Host.Vici.Server;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Vici.Views;

/// <summary>
/// Gives CHILD SAs the number that strongSwan calls <c>reqid</c>: SAs between the same selectors and interfaces have the same one, and a rekeyed one keeps it.
/// Counted from 1 since the start; no number is given to other selectors later.
/// </summary>
internal sealed class ReqIds
{
    private readonly record struct Ends(ValueList<TrafficSelector> Local, ValueList<TrafficSelector> Remote, uint IfIdIn, uint IfIdOut);

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, (ulong Number, Ends Ends)> _byChild = [];
    private readonly Dictionary<Ends, (ulong Number, int Users)> _byEnds = [];
    private ulong _last;

    /// <param name="inventory">The SAs that are there already.</param>
    public ReqIds(SaInventory inventory)
    {
        foreach (var child in inventory.ChildSas.Values) Give(child.Parameters, null);
    }

    /// <summary>The number of a CHILD SA; of one whose beginning was not told yet, the one that it will get.</summary>
    public ulong Of(ChildSaParameters child)
    {
        lock (_gate) return _byChild.TryGetValue(child.Id.Value, out var known) ? known.Number : _byEnds.TryGetValue(EndsOf(child), out var there) ? there.Number : _last + 1;
    }

    /// <summary>A CHILD SA is there.</summary>
    public void Give(ChildSaParameters child, ChildSaId? replaces)
    {
        lock (_gate)
        {
            if (_byChild.ContainsKey(child.Id.Value)) return;
            var ends = EndsOf(child);
            var shared = _byEnds.TryGetValue(ends, out var there);
            // The rekeyed one may have been narrowed otherwise, and keeps its number all the same.
            var number = replaces is { } old && _byChild.TryGetValue(old.Value, out var before) ? before.Number : shared ? there.Number : ++_last;
            _byChild.Add(child.Id.Value, (number, ends));
            _byEnds[ends] = (shared ? there.Number : number, there.Users + 1);
        }
    }

    /// <summary>Takes back the numbers of what an event ended.</summary>
    public void Forget(ViciFact fact)
    {
        switch (fact.Event)
        {
            case ChildSaClosed closed:
                Release(closed.Id.Value);
                break;
            case IkeSaClosed closed:
                ReleaseOf(fact.Before, closed.Id);
                break;
            case SaLost lost:
                ReleaseOf(fact.Before, lost.Id);
                break;
        }
    }

    private static Ends EndsOf(ChildSaParameters child) => new(child.LocalSelectors, child.RemoteSelectors, child.IfIdIn, child.IfIdOut);

    private void ReleaseOf(SaInventory before, IkeSaId owner)
    {
        foreach (var child in before.ChildrenOf(owner)) Release(child.Id.Value);
    }

    private void Release(ulong child)
    {
        lock (_gate)
        {
            if (!_byChild.Remove(child, out var gone)) return;
            var (number, users) = _byEnds[gone.Ends];
            if (users > 1) _byEnds[gone.Ends] = (number, users - 1);
            else _byEnds.Remove(gone.Ends);
        }
    }
}
