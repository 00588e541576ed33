using System.Collections.Immutable;
using System.Net;
using Gateway.Policy.Events;

namespace Gateway.Projections;

/// <summary>An address of a pool that an identity has, or had and would get again.</summary>
/// <param name="Online">An IKE SA uses it.</param>
/// <param name="Since">When it was granted, or released.</param>
public sealed record LeaseEntry(string Pool, IPAddress Address, string Identity, bool Online, DateTimeOffset Since);

/// <summary>Who has which address of the pools, as a fold of the facts; holds at any moment of the journal.</summary>
public sealed record LeaseBook
{
    public static LeaseBook Empty { get; } = new();

    /// <summary>By pool and address; an address has one entry.</summary>
    public ImmutableDictionary<(string Pool, IPAddress Address), LeaseEntry> Leases { get; private init; } = ImmutableDictionary<(string, IPAddress), LeaseEntry>.Empty;

    public static LeaseBook Of(IEnumerable<LeaseEntry> leases) => new() { Leases = leases.ToImmutableDictionary(l => (l.Pool, l.Address)) };

    public LeaseBook Apply(JournalFact e) => e.Event switch
    {
        LeaseGranted granted => this with
        {
            Leases = Leases.SetItem((granted.Pool, granted.Address), new LeaseEntry(granted.Pool, granted.Address, granted.Identity, true, e.Time)),
        },
        LeaseReleased released => this with
        {
            Leases = Leases.SetItem((released.Pool, released.Address), new LeaseEntry(released.Pool, released.Address, released.Identity, false, e.Time)),
        },
        _ => this,
    };
}
