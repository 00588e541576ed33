using System.Net;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Projections;
using Gateway.Projections.Folds;
using Xunit;

namespace Gateway.Unit.Projections;

/// <summary>Whose an outside port was, by the journal.</summary>
public sealed class NatBlockBookTests
{
    private static readonly IPAddress _host = IPAddress.Parse("10.1.0.2"), _other = IPAddress.Parse("10.1.0.3"), _outside = IPAddress.Parse("198.51.100.48");
    private static readonly DateTimeOffset _noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_port_is_its_hosts_from_the_assignment_to_the_release()
    {
        var first = Fold(new NatBlockAssigned("out", _host, _outside, 5000, 5063), new NatBlockAssigned("out", _other, _outside, 5064, 5127, "blue"));
        Assert.Equal(new NatBlockEntry("out", _host, _outside, 5000, 5063, _noon.AddSeconds(1), 1, null), Assert.Single(first.NatBlocks.Who(_outside, 5063)));
        Assert.Equal(("blue", 2L), (Assert.Single(first.NatBlocks.Who(_outside, 5064)).Vrf, first.NatBlocks.Who(_outside, 5064).Single().Position));
        Assert.Equal([_host, _other], first.NatBlocks.Who(_outside, null).Select(b => b.Host));
        Assert.Empty(first.NatBlocks.Who(_outside, 4999));
        Assert.Empty(first.NatBlocks.Who(IPAddress.Parse("198.51.100.49"), 5000));

        var then = Fold(
            new NatBlockAssigned("out", _host, _outside, 5000, 5063), new NatBlockReleased("out", _host, _outside, 5000, 5063, _noon.AddSeconds(1), "idle"), new NatBlockAssigned("out", _other, _outside, 5000, 5063));
        Assert.Equal(_other, Assert.Single(then.NatBlocks.Who(_outside, 5001)).Host);
    }

    [Fact]
    public void A_snapshot_holds_the_blocks()
    {
        var state = Fold(new NatBlockAssigned("out", _host, _outside, 5000, 5063), new NatBlockAssigned("out", _other, _outside, 5064, 5127, "blue"));
        var read = StateDocument.Read(StateDocument.Write(state), blame: true);
        Assert.Equal(state.NatBlocks.Blocks.Values.OrderBy(b => b.FirstPort), read.NatBlocks.Blocks.Values.OrderBy(b => b.FirstPort));
    }

    private static StateFold Fold(params GatewayEvent[] events)
    {
        var fold = new StateFold(blame: true);
        for (var i = 0; i < events.Length; i++) fold.Apply(new JournalFact(i + 1, _noon.AddSeconds(i + 1), Principal.Gateway, null, null, events[i]));
        return fold;
    }
}
