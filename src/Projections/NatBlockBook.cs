using System.Collections.Immutable;
using System.Net;
using Gateway.Policy.Events;

namespace Gateway.Projections;

/// <summary>A block of outside ports that an inside host has.</summary>
/// <param name="Since">When it got it.</param>
/// <param name="Position">Of the event that says so.</param>
/// <param name="Vrf">VRF of the host; null the default one.</param>
public sealed record NatBlockEntry(string Rule, IPAddress Host, IPAddress Outside, int FirstPort, int LastPort, DateTimeOffset Since, long Position, string? Vrf);

/// <summary>Who has which blocks of outside ports, as a fold of the facts; holds at any moment of the journal.</summary>
public sealed record NatBlockBook
{
    public static NatBlockBook Empty { get; } = new();

    /// <summary>By outside address and first port.</summary>
    public ImmutableDictionary<(IPAddress Outside, int FirstPort), NatBlockEntry> Blocks { get; private init; } = ImmutableDictionary<(IPAddress, int), NatBlockEntry>.Empty;

    public static NatBlockBook Of(IEnumerable<NatBlockEntry> blocks) => new() { Blocks = blocks.ToImmutableDictionary(b => (b.Outside, b.FirstPort)) };

    public NatBlockBook Apply(JournalFact e) => e.Event switch
    {
        NatBlockAssigned block => this with
        {
            Blocks = Blocks.SetItem((block.Outside, block.FirstPort), new NatBlockEntry(block.Rule, block.Host, block.Outside, block.FirstPort, block.LastPort, e.Time, e.Position, block.Vrf)),
        },
        NatBlockReleased block => this with { Blocks = Blocks.Remove((block.Outside, block.FirstPort)) },
        _ => this,
    };

    /// <summary>Who has a port of an outside address; no port: all who have some of it.</summary>
    public IEnumerable<NatBlockEntry> Who(IPAddress outside, int? port) =>
        Blocks.Values.Where(b => b.Outside.Equals(outside) && (port is null || (b.FirstPort <= port && port <= b.LastPort))).OrderBy(b => b.FirstPort);
}
