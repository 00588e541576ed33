using System.Globalization;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Deciders;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Projections;
using Xunit;

namespace Gateway.Unit.Policy.Deciders;

/// <summary>Random transactions, mostly right: what was decided is what a replay of the stored events gives, and deciding again changes nothing.</summary>
public sealed class DeciderPropertyTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 8), Environment.TickCount & 0xffff];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void The_replay_of_events_gives_the_decided_state(int seed)
    {
        var random = new Random(seed);
        var world = new PolicyWorld();
        var replayed = RunningConfigurationProjection.Empty;
        var position = 0L;
        for (var i = 0; i < 150; i++)
        {
            world.Speaker = new Speaker(new Principal("bus", $"user:{random.Next(2)}"), Rights.All);
            var json = Transaction(random, world.State);
            if (random.Next(2) == 0) json = json.Replace("{\"id\"", "{\"take_ownership\":true,\"id\"", StringComparison.Ordinal);
            if (world.Decide(json) is not TransactionDecision.Accepted) continue;
            var accepted = world.Accept(json);
            foreach (var e in accepted.Events) replayed = replayed.Apply(Stored(e, ++position, world.Speaker.Principal));
            AssertSame(world.State, replayed.Configuration, seed);
            Assert.Equal(world.State.Revision, replayed.Configuration.Revision);

            // The same transaction again finds nothing to do, unless it deletes.
            if (!json.Contains("\"delete\":[{", StringComparison.Ordinal))
                Assert.True(((TransactionDecision.Accepted)world.Decide(json)).Changed.Count == 0, $"seed {seed}: {json}");
        }

        Assert.True(world.State.Revision > 20, $"seed {seed}: only {world.State.Revision} transactions were right");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void The_indexes_are_those_of_a_configuration_that_was_built_anew(int seed)
    {
        var random = new Random(seed);
        var world = new PolicyWorld();
        for (var i = 0; i < 150; i++)
        {
            var json = Transaction(random, world.State);
            if (world.Decide(json) is TransactionDecision.Accepted) world.Accept(json);
        }

        var anew = RunningConfiguration.Empty.With([.. world.State.Values.Select(v => new ItemChange(v.Key, v))], world.State.Revision);
        AssertSame(world.State, anew, seed);
        foreach (var item in world.State.Values)
        {
            Assert.Equal(anew.ReferrersOf(item.Key).Order(ItemOrder.Instance), world.State.ReferrersOf(item.Key).Order(ItemOrder.Instance));
            Assert.True(ItemCatalog.TryGet(item.Key.Kind, out var kind));
            foreach (var held in kind.Rules.Claims(item)) Assert.True(world.State.HolderOf(held.Claim) == item.Key, $"seed {seed}: {held.Claim}");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_decision_does_not_depend_on_the_order_of_the_puts(int seed)
    {
        var random = new Random(seed);
        var items = Enumerable.Range(0, 12).Select(i => Item(random, i)).DistinctBy(i => i[..i.IndexOf("\"spec\"", StringComparison.Ordinal)]).ToArray();
        var once = new PolicyWorld().Decide(PolicyWorld.Put(items));
        random.Shuffle(items);
        var again = new PolicyWorld().Decide(PolicyWorld.Put(items));
        if (once is TransactionDecision.Accepted a && again is TransactionDecision.Accepted b) Assert.Equal(a.Events, b.Events);
        else Assert.True(once is TransactionDecision.Rejected && again is TransactionDecision.Rejected, $"seed {seed}");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Replace_makes_the_state_that_was_put_whatever_it_was_before(int seed)
    {
        var random = new Random(seed);
        var world = new PolicyWorld();
        for (var i = 0; i < 50; i++)
        {
            var json = Transaction(random, world.State);
            if (world.Decide(json) is TransactionDecision.Accepted) world.Accept(json);
        }

        var target = new PolicyWorld();
        for (var i = 0; i < 50; i++)
        {
            var json = Transaction(random, target.State);
            if (target.Decide(json) is TransactionDecision.Accepted) target.Accept(json);
        }

        world.Accept($$"""{"id":"r","replace":true,"put":[{{string.Join(",", target.State.Values.Select(i => ItemJson.Shown(i).ToJsonString()))}}]}""");
        AssertSame(target.State, world.State, seed);
    }

    [Fact]
    public void Ten_thousand_items_are_decided_in_one_transaction()
    {
        var items = Enumerable.Range(0, 10_000).Select(i => PolicyWorld.Item("route", $"r{i}", $$"""{"to":"{{10 + (i >> 16)}}.{{i >> 8 & 255}}.{{i & 255}}.0/24","blackhole":true}"""));
        Assert.Equal(10_000, new PolicyWorld().Accept(PolicyWorld.Put([.. items])).Changed.Count);
    }

    internal static JournalEvent Stored(GatewayEvent e, long position, Principal? by = null)
    {
        var (name, data) = EventCatalog.Encode(e);
        var envelope = new Envelope { Position = position, Subject = e.Subject, Name = name, Time = DateTimeOffset.UnixEpoch.AddSeconds(position), Principal = by ?? Principal.Gateway, Data = data, Hash = Octets.Empty };
        return new JournalEvent(envelope, EventCatalog.Decode(envelope));
    }

    private static void AssertSame(RunningConfiguration expected, RunningConfiguration actual, int seed)
    {
        Assert.True(expected.Ordered().SequenceEqual(actual.Ordered()), $"seed {seed}");
    }

    private static string Transaction(Random random, RunningConfiguration state)
    {
        var puts = Enumerable.Range(0, random.Next(4)).Select(_ => Item(random, random.Next(8))).DistinctBy(i => i[..i.IndexOf("\"spec\"", StringComparison.Ordinal)]).ToArray();
        var deletes = random.Next(3) == 0 && state.Count > 0
            ? state.Ordered().Skip(random.Next(state.Count)).Take(1 + random.Next(2)).Select(i => $$"""{"kind":"{{i.Key.Kind}}","name":"{{i.Key.Name}}"}""")
            : [];
        return string.Create(CultureInfo.InvariantCulture, $$"""{"id":"1","put":[{{string.Join(",", puts)}}],"delete":[{{string.Join(",", deletes)}}]}""");
    }

    private static string Item(Random random, int n) => random.Next(5) switch
    {
        0 => PolicyWorld.Item("interface", $"i{n}", $$"""{"type":"tap","addresses":["10.{{random.Next(6)}}.0.{{1 + random.Next(3)}}/24"],"enabled":{{(random.Next(2) == 0 ? "true" : "false")}}}"""),
        1 => PolicyWorld.Item("route", $"r{n}", $$"""{"to":"172.{{random.Next(8)}}.0.0/16","interface":"i{{random.Next(8)}}"}"""),
        2 => PolicyWorld.Item("neighbor", $"n{n}", $$"""{"interface":"i{{random.Next(8)}}","address":"10.{{random.Next(6)}}.0.{{100 + random.Next(3)}}","mac":"02:00:00:00:00:0{{random.Next(10)}}"}"""),
        3 => PolicyWorld.Item("connection", $"c{n}", """{"local":[{}],"remote":[{}],"children":{"net":{"replay_window":W}}}""".Replace("W", (random.Next(3) * 32).ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)),
        _ => PolicyWorld.Item("policy", $"p{n}", $$"""{"action":"{{(random.Next(2) == 0 ? "bypass" : "discard")}}","priority":{{random.Next(3)}}}"""),
    };
}
