using Gateway.Ike.Sa;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Ends of CHILD SAs by what they carried, and when they begin.</summary>
public sealed class Volumes
{
    [Fact]
    public void A_random_part_is_taken_off_the_bytes_and_packets_after_which_a_child_is_rekeyed()
    {
        var soft = new HashSet<(ulong, ulong)>();
        for (var seed = 1; seed <= 20; seed++)
        {
            var lifetime = Lifetime(c => c with { RekeyBytes = 1_000_000, LifeBytes = 2_000_000, RandBytes = 300_000, RekeyPackets = 1000, RandPackets = 0 }, seed);
            Assert.InRange(lifetime.SoftBytes, 700_000UL, 1_000_000UL);
            Assert.Equal((2_000_000UL, 1000UL, 1100UL), (lifetime.HardBytes, lifetime.SoftPackets, lifetime.HardPackets));
            soft.Add((lifetime.SoftBytes, lifetime.SoftPackets));
        }

        Assert.True(soft.Count > 10, $"Twenty seeds gave {soft.Count} limits.");
    }

    [Fact]
    public void Left_to_itself_it_is_what_lies_between_the_two_ends_and_a_child_without_ends_has_none()
    {
        for (var seed = 1; seed <= 20; seed++)
        {
            var lifetime = Lifetime(c => c with { RekeyPackets = 1000, LifePackets = 1200 }, seed);
            Assert.InRange(lifetime.SoftPackets, 800UL, 1000UL);
            Assert.Equal((0UL, 0UL, 1200UL), (lifetime.SoftBytes, lifetime.HardBytes, lifetime.HardPackets));
        }
    }

    [Fact]
    public void A_child_that_is_trapped_and_started_comes_up_by_itself_and_after_its_end_on_the_next_packet()
    {
        using var lab = Lab.Configured(s => Lab.WithChild(s, c => c with { StartAction = StartAction.TrapStart }));
        lab.Deliver();
        lab.AssertUp();
        lab.Left.Terminate();
        lab.Deliver();
        lab.AssertDown();
        lab.Left.Do((now, outputs) => lab.Left.Engine.Acquire(new("lab"), new("net"), now, outputs));
        lab.Deliver();
        lab.AssertUp();
    }

    [Fact]
    public void Messages_bear_the_dscp_of_their_connection()
    {
        using var lab = Lab.Configured(s => s with { Dscp = "101110" });
        var sent = new List<IkeOutput.Send>();
        lab.Left.Do((now, outputs) =>
        {
            lab.Left.Engine.Initiate(new("lab"), null, now, outputs);
            sent.AddRange(outputs.OfType<IkeOutput.Send>());
        });
        Assert.All(sent, s => Assert.Equal(0b101110, s.Dscp));
        Assert.NotEmpty(sent);
    }

    private static SaLifetime Lifetime(Func<ChildSpec, ChildSpec> change, int seed)
    {
        using var lab = Lab.Configured(s => Lab.WithChild(s, change), seed: seed);
        Assert.True(lab.Left.Initiate());
        lab.Deliver();
        lab.AssertUp();
        return Assert.Single(lab.Left.Installed.Values).Parameters.Lifetime;
    }
}
