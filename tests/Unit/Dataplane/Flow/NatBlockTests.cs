using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Flow;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>Blocks of outside ports through a whole gateway, with a ledger that answers when the test says so.</summary>
public sealed class NatBlockTests
{
    private const string Host = "10.1.0.2", Remote = "203.0.113.9";

    private static readonly NatRule.Source _rule = new()
    {
        Name = "out",
        From = [IPNetwork.Parse("10.1.0.0/24")],
        OutInterface = "wan",
        Addresses = [(IPAddress.Parse("198.51.100.50"), IPAddress.Parse("198.51.100.51"))],
        FirstPort = 1024,
        LastPort = 1024 + (4 * 64) - 1,
        BlockSize = 64,
        BlocksPerHost = 2,
    };

    /// <summary>What was written, in order; each is answered by hand or at once.</summary>
    private sealed class Ledger : INatLedger
    {
        public List<(NatBlock Block, string? Released)> Written { get; } = [];

        public List<(NatBlock Block, string? Released)> Stored { get; } = [];

        public Queue<Action<bool>> Waiting { get; } = new();

        public bool AtOnce { get; set; } = true;

        public bool Takes { get; set; } = true;

        public bool TryAssign(NatBlock block, Action<bool> stored)
        {
            if (!Takes) return false;
            Written.Add((block, null));
            Answer(stored, [(block, null)]);
            return true;
        }

        public bool TryRelease(IReadOnlyList<NatBlock> blocks, string reason, Action<bool> stored)
        {
            if (!Takes) return false;
            Written.AddRange(blocks.Select(b => (b, (string?)reason)));
            Answer(stored, [.. blocks.Select(b => (b, (string?)reason))]);
            return true;
        }

        /// <summary>Who has what by what was written; fails when something is given that is somebody's.</summary>
        public Dictionary<(IPAddress, int), IPAddress> Owners()
        {
            Dictionary<(IPAddress, int), IPAddress> owners = [];
            foreach (var (block, released) in Stored)
            {
                if (released is null) Assert.True(owners.TryAdd((block.Outside, block.FirstPort), block.Host), $"{block} was somebody's");
                else
                {
                    Assert.Equal(block.Host, owners[(block.Outside, block.FirstPort)]);
                    owners.Remove((block.Outside, block.FirstPort));
                }
            }

            return owners;
        }

        private void Answer(Action<bool> stored, List<(NatBlock, string?)> what)
        {
            void Done(bool ok)
            {
                if (ok) Stored.AddRange(what);
                stored(ok);
            }

            if (AtOnce) Done(true);
            else Waiting.Enqueue(Done);
        }
    }

    [Fact]
    public void A_hosts_flows_leave_from_its_block_which_was_written_before_the_first_packet_left()
    {
        var ledger = new Ledger { AtOnce = false };
        using var gateway = With(ledger, _rule);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.FromLan(Udp(Host, 5001, Remote, 53));
        Assert.Empty(gateway.OnWan());
        var block = Assert.Single(ledger.Written).Block;
        Assert.Equal(("out", IPAddress.Parse(Host), null, 63), (block.Rule, block.Host, block.Vrf, block.LastPort - block.FirstPort));
        Assert.Empty(gateway.Control.Flows.PortBlocks());

        ledger.Waiting.Dequeue()(true);
        gateway.Step();
        var sent = gateway.OnWan().ConvertAll(f => Ends(f.Ip));
        Assert.Equal(2, sent.Count);
        Assert.All(sent, s => Assert.True(s.From == block.Outside.ToString() && s.FromPort >= block.FirstPort && s.FromPort <= block.LastPort));
        Assert.Single(ledger.Written);
        Assert.Equal([block], gateway.Control.Flows.PortBlocks());
        gateway.FromWan(Udp(Remote, 53, sent[0].From, sent[0].FromPort));
        Assert.Equal((Remote, 53, Host, 5000), Ends(Assert.Single(gateway.OnLan()).Ip));
        Assert.Empty(gateway.Drops());
        Assert.Equal(2ul, gateway.Count("ip4-flow-output/held"));
    }

    [Fact]
    public void What_the_journal_does_not_take_is_not_given_and_the_packet_is_dropped_and_counted()
    {
        var ledger = new Ledger { AtOnce = false };
        using var gateway = With(ledger, _rule);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        ledger.Waiting.Dequeue()(false);
        gateway.Step();
        Assert.Empty(gateway.OnWan());
        Assert.Equal(1ul, gateway.Count("ip4-flow-output/no-block"));
        Assert.Equal((0, 1), (gateway.Control.Flows.BlockCounts.Assigned, gateway.Control.Flows.BlockCounts.Unwritten));

        // Asked again only after a pause; then it is tried anew.
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.Single(ledger.Written);
        ledger.AtOnce = true;
        Later(gateway);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.Single(gateway.OnWan());
    }

    [Fact]
    public void A_host_has_so_many_blocks_of_one_address_and_no_more()
    {
        var ledger = new Ledger();
        using var gateway = With(ledger, _rule);
        for (var i = 0; i < 140; i++) gateway.FromLan(Udp(Host, 3000 + i, Remote, 53));
        var sent = gateway.OnWan().ConvertAll(f => Ends(f.Ip));
        Assert.Equal(128, sent.Distinct().Count());
        Assert.Single(sent.Select(s => s.From).Distinct());
        Assert.Equal(2, ledger.Written.Count);
        Assert.Equal(12ul, gateway.Count("ip4-flow-output/ports-exhausted"));

        // Towards another server the same ports serve again.
        gateway.FromLan(Udp(Host, 3000, "203.0.113.10", 53));
        Assert.Single(gateway.OnWan());
        Assert.Equal(2, ledger.Written.Count);
    }

    [Fact]
    public void When_all_blocks_are_given_the_next_host_waits_for_one_to_come_back()
    {
        var ledger = new Ledger();
        using var gateway = With(ledger, _rule with { BlocksPerHost = 1 });
        for (var i = 0; i < 9; i++) gateway.FromLan(Udp($"10.1.0.{i + 2}", 5000, Remote, 53));
        Assert.Equal(8, gateway.OnWan().Count);
        Assert.Equal(8, ledger.Owners().Count);
        Assert.Equal(1ul, gateway.Count("ip4-flow-output/no-block"));
        Assert.Equal(1, gateway.Control.Flows.BlockCounts.Exhausted);
        Assert.Equal((8, 8, 8, 1L), Usage(gateway));

        gateway.Control.Flows.Blocks.Hold = TimeSpan.Zero;
        var sessions = gateway.Control.Workers[0].Context.Sessions;
        sessions.Remove(sessions.Find(FlowKey.Of(Word("10.1.0.3"), Word(Remote), 5000, 53, 17, 0)));
        for (var i = 0; i < 4; i++) gateway.Control.Tick();
        Assert.Equal(("10.1.0.3", "idle"), (ledger.Written[^1].Block.Host.ToString(), ledger.Written[^1].Released));
        Later(gateway);
        gateway.FromLan(Udp("10.1.0.10", 5000, Remote, 53));
        Assert.Single(gateway.OnWan());
        Assert.Equal(8, ledger.Owners().Count);
    }

    [Fact]
    public void A_block_with_a_flow_is_never_released_and_one_without_only_when_it_rested()
    {
        var ledger = new Ledger();
        using var gateway = With(ledger, _rule);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.OnWan();
        for (var i = 0; i < 10; i++) gateway.Control.Tick();
        gateway.Control.Flows.Blocks.Hold = TimeSpan.Zero;
        for (var i = 0; i < 10; i++) gateway.Control.Tick();
        Assert.Single(ledger.Written);
        gateway.Control.Flows.Blocks.Hold = TimeSpan.FromHours(1);
        gateway.Control.Tick();
        gateway.Control.Workers[0].Context.Sessions.Remove(1);
        for (var i = 0; i < 10; i++) gateway.Control.Tick();
        Assert.Single(ledger.Written);
        gateway.Control.Flows.Blocks.Hold = TimeSpan.Zero;
        for (var i = 0; i < 10; i++) gateway.Control.Tick();
        Assert.Empty(ledger.Owners());

        // A host that comes back while its block is on the way out keeps it.
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.Control.Workers[0].Context.Sessions.Remove(1);
        gateway.Control.Tick();
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        for (var i = 0; i < 10; i++) gateway.Control.Tick();
        Assert.Single(ledger.Owners());
        Assert.Equal(3, ledger.Written.Count);
    }

    [Fact]
    public void A_release_that_is_not_stored_is_written_again_and_the_block_stays_unused_until_it_is()
    {
        var ledger = new Ledger();
        using var gateway = With(ledger, _rule with { LastPort = 1024 + 63, Addresses = [(IPAddress.Parse("198.51.100.50"), IPAddress.Parse("198.51.100.50"))] });
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.OnWan();
        gateway.Control.Workers[0].Context.Sessions.Remove(1);
        gateway.Control.Flows.Blocks.Hold = TimeSpan.Zero;
        ledger.Takes = false;
        for (var i = 0; i < 5; i++) gateway.Control.Tick();
        gateway.FromLan(Udp("10.1.0.3", 5000, Remote, 53));
        Assert.Empty(gateway.OnWan());
        ledger.Takes = true;
        gateway.Control.Tick();
        Later(gateway);
        gateway.FromLan(Udp("10.1.0.3", 5000, Remote, 53));
        Assert.Single(gateway.OnWan());
        Assert.Equal(IPAddress.Parse("10.1.0.3"), Assert.Single(ledger.Owners()).Value);
    }

    [Fact]
    public void Blocks_stay_with_a_rule_that_gives_them_still_and_are_released_when_it_does_not()
    {
        var ledger = new Ledger();
        using var gateway = With(ledger, _rule);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.FromLan(Udp("10.1.0.200", 5000, Remote, 53));
        gateway.Control.Flows.SetRule(_rule with { BlocksPerHost = 1, Order = 7 });
        gateway.Control.TakeNews();
        Assert.Equal(2, ledger.Written.Count);

        // One more address at the end: another pool, the same blocks.
        gateway.Control.Flows.SetRule(_rule with { Addresses = [.. _rule.Addresses, (IPAddress.Parse("198.51.100.60"), IPAddress.Parse("198.51.100.60"))] });
        gateway.Control.TakeNews();
        Assert.Equal(2, ledger.Written.Count);
        Assert.Equal(2, gateway.Control.Flows.PortBlocks().Count);

        gateway.Control.Flows.SetRule(_rule with { From = [IPNetwork.Parse("10.1.0.0/25")] });
        gateway.Control.TakeNews();
        Assert.Equal(("10.1.0.200", "rule-changed"), (ledger.Written[^1].Block.Host.ToString(), ledger.Written[^1].Released));
        gateway.Control.Flows.SetRule(_rule with { BlockSize = 128 });
        gateway.Control.TakeNews();
        Assert.Empty(ledger.Owners());
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.Control.Flows.RemoveRule("out");
        gateway.Control.TakeNews();
        Assert.Equal((6, 0), (ledger.Written.Count, ledger.Owners().Count));
    }

    [Fact]
    public void What_the_process_before_gave_stays_and_what_no_rule_knows_is_released()
    {
        var ledger = new Ledger();
        using var gateway = new TestGateway();
        var since = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        var kept = new NatBlock("out", IPAddress.Parse(Host), null, IPAddress.Parse("198.51.100.51"), 1088, 1151, since);
        var gone = new NatBlock("other", IPAddress.Parse(Host), null, IPAddress.Parse("198.51.100.99"), 1088, 1151, since);
        gateway.Control.Flows.KeepAccount(ledger, [kept, gone]);
        gateway.Control.Flows.SetRules([_rule]);
        gateway.Step();
        Assert.Equal((gone, "rule-changed"), Assert.Single(ledger.Written));
        Assert.Equal([kept], gateway.Control.Flows.PortBlocks());
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        var ends = Ends(Assert.Single(gateway.OnWan()).Ip);
        Assert.Equal("198.51.100.51", ends.From);
        Assert.InRange(ends.FromPort, 1088, 1151);
        Assert.Single(ledger.Written);
    }

    /// <summary>Random hosts come, talk, fall silent and change rules; whoever a packet outside belongs to by the ledger is the host that sent it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Whose_an_outside_port_was_is_always_what_the_ledger_says(int workers)
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var ledger = new Ledger { AtOnce = false };
        using var gateway = With(ledger, _rule, workers);
        gateway.Control.Flows.Blocks.Hold = TimeSpan.Zero;
        for (var i = 0; i < 3000; i++)
        {
            var host = $"10.1.0.{random.Next(2, 12)}";
            gateway.FromLan(Udp(host, random.Next(2000, 2100), $"203.0.113.{random.Next(1, 3)}", 53));
            if (random.Next(3) == 0)
            {
                while (ledger.Waiting.TryDequeue(out var stored)) stored(random.Next(8) != 0);
                gateway.Step();
            }

            foreach (var frame in gateway.OnWan())
            {
                var (from, port, to, toPort) = Ends(frame.Ip);
                gateway.FromWan(Udp(to, toPort, from, port));
                var owner = Owner(ledger, from, port);
                Assert.True(owner is not null, $"nobody has {from}:{port}");
                foreach (var back in gateway.OnLan()) Assert.Equal(owner.ToString(), new IPAddress(back.Ip.AsSpan(16, 4)).ToString());
            }

            if (random.Next(20) == 0) gateway.Control.Tick();
            if (random.Next(40) == 0) ForgetSome(gateway, random);
            if (random.Next(300) == 0) gateway.Control.Flows.SetRule(_rule with { BlockSize = random.Next(2) == 0 ? 64 : 128, BlocksPerHost = random.Next(1, 3) });
        }

        ledger.Owners();
        Assert.True(gateway.Control.Flows.BlockCounts is { Assigned: > 10, Released: > 10, Exhausted: > 0 }, gateway.Control.Flows.BlockCounts.ToString());
    }

    private static IPAddress? Owner(Ledger ledger, string outside, int port)
    {
        IPAddress? owner = null;
        foreach (var (block, released) in ledger.Stored)
            if (block.Outside.ToString() == outside && block.FirstPort <= port && port <= block.LastPort) owner = released is null ? block.Host : null;
        return owner;
    }

    private static unsafe void ForgetSome(TestGateway gateway, Random random)
    {
        foreach (var worker in gateway.Control.Workers)
        {
            var table = worker.Context.Sessions;
            for (uint slot = 1; slot < table.Bound; slot++)
                if ((table[slot]->Flags & SessionFlags.InUse) != 0 && random.Next(3) != 0) table.Remove(slot);
        }
    }

    // The pause after a refusal is of the workers' clock.
    private static void Later(TestGateway gateway)
    {
        Thread.Sleep(600);
        gateway.Step();
    }

    private static (int Blocks, int Taken, int Hosts, long Exhausted) Usage(TestGateway gateway)
    {
        var usage = gateway.Control.Flows.Rules().Single().Blocks!;
        return (usage.Blocks, usage.Taken, usage.Hosts, usage.Exhausted);
    }

    private static TestGateway With(Ledger ledger, NatRule rule, int workers = 1)
    {
        var gateway = new TestGateway(workers: workers);
        gateway.Control.Flows.KeepAccount(ledger, []);
        Assert.True(gateway.Control.Flows.SetRule(rule));
        for (var i = 3; i < 12; i++) gateway.Control.AddNeighbor(gateway.Lan, IPAddress.Parse($"10.1.0.{i}"), new System.Net.NetworkInformation.PhysicalAddress(TestGateway.LanHost));
        return gateway;
    }

    private static uint Word(string address) => (uint)AddressWords.From(IPAddress.Parse(address)).Low;

    private static byte[] Udp(string from, int fromPort, string to, int toPort) => Build.Ip4(from, to, 17, Build.Udp(from, to, fromPort, toPort, [1, 2, 3, 4, 5]));

    private static (string From, int FromPort, string To, int ToPort) Ends(byte[] ip) =>
        (new IPAddress(ip.AsSpan(12, 4)).ToString(), Build.Get16(ip, 20), new IPAddress(ip.AsSpan(16, 4)).ToString(), Build.Get16(ip, 22));
}
