using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Projections.Folds;

/// <summary>
/// <see cref="SaInventory"/> for many events at once: it changes in place and knows the children of each IKE SA. What is frequent is done here; all else is
/// left to the inventory itself. The two are held to each other by a test.
/// </summary>
public sealed class SaFold
{
    private readonly Dictionary<ulong, IkeSaEntry> _ike = [];
    private readonly Dictionary<ulong, ChildSaEntry> _children = [];
    private readonly Dictionary<ulong, HashSet<ulong>> _of = [];
    private readonly Dictionary<ConnectionName, ConnectionFailure> _failures = [];
    private ulong _lastIke;
    private ulong _lastChild;

    public void Apply(JournalFact e)
    {
        switch (e.Event)
        {
            case ItemPut or ItemDeleted or TransactionCommitted or ItemPending or ItemApplied or ItemRemoved or CommandRejected or SaCommandAccepted or GatewayStarted or GatewayStopped or SigningKeyMade
                or LeaseGranted or LeaseReleased or LeaseRefused or VirtualAddressesReceived or NatBlockAssigned or NatBlockReleased or SessionsCleared:
                break;
            case IkeSaEstablished sa:
                _ike[sa.Id.Value] = new IkeSaEntry(sa, e.Time, e.Position);
                _lastIke = Math.Max(_lastIke, sa.Id.Value);
                _failures.Remove(sa.Connection);
                break;
            case IkeSaClosed closed:
                Close(closed.Id.Value);
                break;
            case SaLost lost:
                Close(lost.Id.Value);
                break;
            case IkeSaEndpointChanged moved:
                Move(moved);
                break;
            case ChildSaInstalled child:
                Remove(child.Parameters.Id.Value);
                Add(new ChildSaEntry(child.Parameters, child.Parameters.IkeSa, child.Proposal, e.Time, e.Position));
                _lastChild = Math.Max(_lastChild, child.Parameters.Id.Value);
                break;
            case ChildSaClosed closed:
                Remove(closed.Id.Value);
                break;
            case ChildSasInherited inherited:
                if (!_of.Remove(inherited.From.Value, out var moving)) break;
                foreach (var id in moving) Add(_children[id] with { IkeSa = inherited.To });
                break;
            case IkeSaFailed { Connection: { } connection } failed:
                _failures[connection] = new ConnectionFailure(e.Time, failed.Reason, failed.Detail, failed.RemoteAddress);
                break;
            case ChildSaFailed failed:
                _failures[failed.Connection] = new ConnectionFailure(e.Time, failed.Reason, failed.Detail, null);
                break;
            default:
                // An event that is new here: right, but slow.
                var before = ToInventory();
                var after = before.Apply(e);
                if (!ReferenceEquals(before, after)) Load(after);
                break;
        }
    }

    /// <summary>Goes on from <paramref name="inventory"/>.</summary>
    public void Load(SaInventory inventory)
    {
        _ike.Clear();
        _children.Clear();
        _of.Clear();
        _failures.Clear();
        foreach (var sa in inventory.IkeSas.Values) _ike[sa.Id.Value] = sa;
        foreach (var child in inventory.ChildSas.Values) Add(child);
        foreach (var (connection, failure) in inventory.LastFailures) _failures[connection] = failure;
        (_lastIke, _lastChild) = (inventory.LastIkeSaId, inventory.LastChildSaId);
    }

    public SaInventory ToInventory() => SaInventory.Of(_ike.Values, _children.Values, _failures, _lastIke, _lastChild);

    private void Add(ChildSaEntry child)
    {
        _children[child.Id.Value] = child;
        if (!_of.TryGetValue(child.IkeSa.Value, out var siblings)) _of[child.IkeSa.Value] = siblings = [];
        siblings.Add(child.Id.Value);
    }

    private void Remove(ulong id)
    {
        if (!_children.Remove(id, out var child) || !_of.TryGetValue(child.IkeSa.Value, out var siblings)) return;
        siblings.Remove(id);
        if (siblings.Count == 0) _of.Remove(child.IkeSa.Value);
    }

    private void Move(IkeSaEndpointChanged moved)
    {
        if (!_ike.TryGetValue(moved.Id.Value, out var sa)) return;
        _ike[moved.Id.Value] = SaInventory.Moved(sa, moved);
        if (!_of.TryGetValue(moved.Id.Value, out var children)) return;
        foreach (var id in children) _children[id] = SaInventory.Moved(_children[id], moved);
    }

    private void Close(ulong id)
    {
        _ike.Remove(id);
        if (!_of.Remove(id, out var orphans)) return;
        foreach (var child in orphans) _children.Remove(child);
    }
}
