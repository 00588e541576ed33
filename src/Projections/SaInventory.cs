using System.Collections.Immutable;
using System.Net;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Projections;

/// <summary>An IKE SA that was alive at the moment.</summary>
public sealed record IkeSaEntry(IkeSaEstablished Established, DateTimeOffset Since, long Position)
{
    public IkeSaId Id => Established.Id;
}

/// <summary>A CHILD SA that was alive at the moment; <paramref name="IkeSa"/> is the one that it belongs to now.</summary>
public sealed record ChildSaEntry(ChildSaParameters Parameters, IkeSaId IkeSa, string Proposal, DateTimeOffset Since, long Position)
{
    public ChildSaId Id => Parameters.Id;
}

/// <summary>The last thing that went wrong with a connection.</summary>
public sealed record ConnectionFailure(DateTimeOffset Time, string Reason, string Detail, IPAddress? Peer);

/// <summary>The IKE and CHILD SAs that are alive, as a fold of the facts; holds at any moment of the journal.</summary>
public sealed record SaInventory
{
    public static SaInventory Empty { get; } = new();

    public ImmutableSortedDictionary<ulong, IkeSaEntry> IkeSas { get; private init; } = ImmutableSortedDictionary<ulong, IkeSaEntry>.Empty;

    public ImmutableSortedDictionary<ulong, ChildSaEntry> ChildSas { get; private init; } = ImmutableSortedDictionary<ulong, ChildSaEntry>.Empty;

    public ImmutableDictionary<ConnectionName, ConnectionFailure> LastFailures { get; private init; } = ImmutableDictionary<ConnectionName, ConnectionFailure>.Empty;

    /// <summary>The highest number that an IKE SA ever had; numbers are never given twice.</summary>
    public ulong LastIkeSaId { get; private init; }

    public ulong LastChildSaId { get; private init; }

    /// <summary>Numbers of CHILD SAs by the IKE SA that they belong to, so that the end of one does not look at all.</summary>
    private ImmutableDictionary<ulong, ImmutableArray<ulong>> Families { get; init; } = ImmutableDictionary<ulong, ImmutableArray<ulong>>.Empty;

    public IEnumerable<ChildSaEntry> ChildrenOf(IkeSaId id) => Families.TryGetValue(id.Value, out var children) ? children.Select(c => ChildSas[c]) : [];

    /// <summary>Two inventories of the same SAs are equal.</summary>
    public bool Equals(SaInventory? other) => other is not null && LastIkeSaId == other.LastIkeSaId && LastChildSaId == other.LastChildSaId
        && IkeSas == other.IkeSas && ChildSas == other.ChildSas && LastFailures == other.LastFailures;

    public override int GetHashCode() => HashCode.Combine(LastIkeSaId, LastChildSaId, IkeSas.Count, ChildSas.Count);

    internal static SaInventory Of(
        IEnumerable<IkeSaEntry> ikeSas, IEnumerable<ChildSaEntry> childSas, IEnumerable<KeyValuePair<ConnectionName, ConnectionFailure>> failures, ulong lastIkeSaId, ulong lastChildSaId) => new SaInventory
        {
            IkeSas = ikeSas.ToImmutableSortedDictionary(s => s.Id.Value, s => s),
            ChildSas = childSas.ToImmutableSortedDictionary(c => c.Id.Value, c => c),
            LastFailures = failures.ToImmutableDictionary(),
            LastIkeSaId = lastIkeSaId,
            LastChildSaId = lastChildSaId,
        }.Related();

    public SaInventory Apply(JournalFact e) => e.Event switch
    {
        IkeSaEstablished sa => this with
        {
            IkeSas = IkeSas.SetItem(sa.Id.Value, new IkeSaEntry(sa, e.Time, e.Position)),
            LastIkeSaId = Math.Max(LastIkeSaId, sa.Id.Value),
            LastFailures = LastFailures.Remove(sa.Connection),
        },
        IkeSaClosed closed => Without(closed.Id),
        SaLost lost => Without(lost.Id),
        IkeSaEndpointChanged moved => Move(moved),
        ChildSasInherited inherited => ChildrenOf(inherited.From).Aggregate(this, (s, c) => s.WithChild(c with { IkeSa = inherited.To })),
        ChildSaInstalled child => WithChild(new ChildSaEntry(child.Parameters, child.Parameters.IkeSa, child.Proposal, e.Time, e.Position)) with
        {
            LastChildSaId = Math.Max(LastChildSaId, child.Parameters.Id.Value),
        },
        ChildSaClosed closed => WithoutChild(closed.Id.Value),
        IkeSaFailed { Connection: { } connection } failed => Fail(connection, new ConnectionFailure(e.Time, failed.Reason, failed.Detail, failed.RemoteAddress)),
        ChildSaFailed failed => Fail(failed.Connection, new ConnectionFailure(e.Time, failed.Reason, failed.Detail, null)),
        _ => this,
    };

    /// <summary>The inventory at a moment; null when the journal does not reach it.</summary>
    public static async Task<SaInventory?> AtAsync(IAsyncEnumerable<JournalEvent> events, Moment? moment, CancellationToken cancellationToken)
    {
        var (state, revision, position) = (Empty, 0L, 0L);
        await foreach (var e in events.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (moment?.IsBefore(e, revision) == true) return state;
            state = state.Apply(e);
            (revision, position) = (Moment.RevisionAfter(revision, e.Event), e.Position);
        }

        return moment?.IsReached(position, revision) == false ? null : state;
    }

    // A CHILD SA does not outlive the IKE SA that it belongs to (RFC 7296 §1.4.1), whether or not its own end was written down.
    private SaInventory Without(IkeSaId id) => this with
    {
        IkeSas = IkeSas.Remove(id.Value),
        ChildSas = Families.TryGetValue(id.Value, out var children) ? ChildSas.RemoveRange(children) : ChildSas,
        Families = Families.Remove(id.Value),
    };

    private SaInventory WithChild(ChildSaEntry child)
    {
        var (id, owner) = (child.Id.Value, child.IkeSa.Value);
        var before = ChildSas.TryGetValue(id, out var known) && known.IkeSa != child.IkeSa ? WithoutChild(id) : this;
        var family = before.Families.GetValueOrDefault(owner, []);
        return before with
        {
            ChildSas = before.ChildSas.SetItem(id, child),
            Families = family.Contains(id) ? before.Families : before.Families.SetItem(owner, family.Add(id)),
        };
    }

    private SaInventory WithoutChild(ulong id)
    {
        if (!ChildSas.TryGetValue(id, out var child)) return this;
        var left = Families[child.IkeSa.Value].Remove(id);
        return this with
        {
            ChildSas = ChildSas.Remove(id),
            Families = left.IsEmpty ? Families.Remove(child.IkeSa.Value) : Families.SetItem(child.IkeSa.Value, left),
        };
    }

    private SaInventory Related() => this with
    {
        Families = ChildSas.Values.GroupBy(c => c.IkeSa.Value, c => c.Id.Value).ToImmutableDictionary(g => g.Key, g => g.ToImmutableArray()),
    };

    private SaInventory Move(IkeSaEndpointChanged moved)
    {
        if (!IkeSas.TryGetValue(moved.Id.Value, out var sa)) return this;
        var children = ChildrenOf(moved.Id).Select(c => KeyValuePair.Create(c.Id.Value, Moved(c, moved)));
        return this with { IkeSas = IkeSas.SetItem(moved.Id.Value, Moved(sa, moved)), ChildSas = ChildSas.SetItems(children) };
    }

    internal static IkeSaEntry Moved(IkeSaEntry sa, IkeSaEndpointChanged to) => sa with
    {
        Established = sa.Established with { LocalAddress = to.LocalAddress, LocalPort = to.LocalPort, RemoteAddress = to.RemoteAddress, RemotePort = to.RemotePort },
    };

    internal static ChildSaEntry Moved(ChildSaEntry child, IkeSaEndpointChanged to) => child with
    {
        Parameters = child.Parameters with
        {
            LocalAddress = to.LocalAddress,
            RemoteAddress = to.RemoteAddress,
            Encapsulation = child.Parameters.Encapsulation is null ? null : new UdpEncapsulation((ushort)to.LocalPort, (ushort)to.RemotePort),
        },
    };

    private SaInventory Fail(ConnectionName connection, ConnectionFailure failure) => this with { LastFailures = LastFailures.SetItem(connection, failure) };
}
