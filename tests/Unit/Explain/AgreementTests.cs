using Gateway.Host.Explain;
using Gateway.Host.Journal;
using Gateway.Host.Journal.History;
using Gateway.Host.Runtime;
using Gateway.Policy.Commands;
using Gateway.Unit.Dataplane.Packets;
using Xunit;
using static Gateway.Unit.Explain.ExplainWorld;

namespace Gateway.Unit.Explain;

/// <summary>What is explained is what happens: random configurations and packets, explained and then sent.</summary>
public sealed class AgreementTests
{
    private static readonly string[] _hosts = ["10.1.0.5", "10.1.0.6", "10.2.0.5", "10.3.0.5", "192.0.2.9", "198.51.100.1", "198.51.100.7", "203.0.113.9", "10.1.0.1", "10.1.0.255", "169.254.1.1"];
    private static readonly string[] _nets = ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24", "0.0.0.0/0", "192.0.2.0/24", "203.0.113.9/32", "10.0.0.0/8"];
    private static readonly string[] _ports = ["53", "80", "443"];
    private static readonly string[] _judging = ["ip4-acl-input", "ip4-acl-output", "ip4-lookup", "ip4-nat-target", "spd4-input", "spd4-output"];
    private static readonly (string Name, string Device)[] _interfaces = [("wan", "eth0"), ("lan", "eth1"), ("dmz", "eth2")];

    [Fact]
    public async Task An_explained_packet_does_what_was_said()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var (asked, passed, stopped, translated, ruled) = (0, 0, 0, 0, 0);
        for (var round = 0; round < 12; round++)
        {
            using var real = new RealGateway();
            await using var world = await ExplainWorld.StartAsync(real.Control);
            var outcome = await world.Control.SendAsync($$"""{"id":"first","put":[{{string.Join(',', Configuration(random))}}]}""");
            if (outcome.Status != OutcomeStatus.Accepted) continue;
            var state = await new JournalRecords(new JournalHistory(world.Control.Journal, null), () => new VerifyAgainst()).StateAsync(null, blame: true, CancellationToken.None);
            await real.ProgramAsync(state.Configuration.Configuration);
            for (var i = 0; i < 25; i++)
            {
                var (name, device) = _interfaces[random.Next(3)];
                var (text, packet) = Packet(random);
                var flow = $"in {name} {text}";
                var view = await world.AskAsync(flow);
                real.Control.StartTrace(1);
                var (left, drops, rules) = real.Send(device, packet);
                var traced = Assert.Single(TraceViews.Of(real.Control.StopTrace(), (new DecisionWords(state.Configuration.Configuration), new Blames(state.Fold.Blame!))));
                var context = $"seed {seed}, round {round}: {flow}: {view.Sentence}; left {string.Join(',', left)}, drops {string.Join(',', drops)}\n{string.Join('\n', view.Steps.Select(s => $"{s.Node} {s.What} {s.Drop}"))}";
                asked++;
                Assert.True(Named(view.Steps.Select(s => (s.Node, s.What, s.Item, s.Line, s.Revision))).SequenceEqual(Named(traced.Steps.Where(s => s.Drop is null).Select(s => (s.Node, s.What ?? "", s.Item, s.Line, s.Revision)))), $"{context}\ntraced\n{string.Join('\n', traced.Steps.Select(s => $"{s.Node} {s.What} {s.Drop}"))}");
                switch (view.Verdict)
                {
                    case "passes":
                        Assert.True(view.Interfaces.Order().SequenceEqual(left.Distinct().Select(d => _interfaces.First(n => n.Device == d).Name).Order()), context);
                        Assert.True(drops.Count == 0, context);
                        passed++;
                        break;
                    case "dropped" or "refused":
                        Assert.True(left.Count == 0 && drops.Contains(view.Reason!), context);
                        stopped++;
                        break;
                    default:
                        Assert.True(view.Verdict == "delivered" && left.Count == 0, context);
                        break;
                }

                foreach (var step in view.Steps.Where(s => s is { Line: not null, Node: "ip4-acl-input" or "ip4-acl-output" }))
                {
                    Assert.True(rules.Contains($"{step.Item![4..]} {step.Line}"), $"{context}\nrules {string.Join(", ", rules)}");
                    ruled++;
                }

                Assert.True(rules.Count <= view.Steps.Count(s => s.Line is not null), $"{context}\nrules {string.Join(", ", rules)}");
                foreach (var step in view.Steps.Where(s => s is { Node: "ip4-flow-output", Item: not null } && s.What.StartsWith("source", StringComparison.Ordinal) && view.Verdict == "passes"))
                {
                    Assert.True(real.Control.Flows.Rows().Any(f => $"nat/{f.Rule}" == step.Item), context);
                    translated++;
                }
            }
        }

        Assert.True(asked > 50 && passed > 5 && stopped > 5 && ruled > 5, $"seed {seed}: {asked} asked, {passed} passed, {stopped} stopped, {ruled} rules, {translated} translated");
    }

    /// <summary>What a trace and an explanation must say alike; what the gateway answers is told apart by one of them only.</summary>
    private static IEnumerable<(string, string, string?, string?, long?)> Named(IEnumerable<(string Node, string What, string? Item, string? Line, long? Revision)> steps) => steps
        .Where(s => _judging.Contains(s.Node))
        .Select(s => s with { What = s.What.Replace("(what the gateway answers) ", "", StringComparison.Ordinal) });

    private static List<string> Configuration(Random random)
    {
        List<string> items =
        [
            Interface("wan", "eth0", "198.51.100.1/24", random), Interface("lan", "eth1", "10.1.0.1/24", random), Interface("dmz", "eth2", "10.2.0.1/24", random),
            Acl("a", random), Acl("b", random),
        ];
        if (random.Next(4) > 0) items.Add(Item("route", "default", """{"to":"0.0.0.0/0","via":"198.51.100.254"}"""));
        if (random.Next(2) == 0) items.Add(Item("route", "branch", """{"to":"10.3.0.0/24","via":"10.2.0.254"}"""));
        if (random.Next(3) == 0) items.Add(Item("route", "hole", $$"""{"to":"192.0.2.0/24","{{Pick(random, "blackhole", "unreachable", "prohibit")}}":true}"""));
        if (random.Next(2) == 0) items.Add(Item("nat", "hide", """{"type":"source","from":["10.1.0.0/24"],"out_interface":"wan"}"""));
        if (random.Next(3) == 0) items.Add(Item("nat", "keep", """{"type":"source","order":1,"exempt":true,"from":["10.1.0.6/32"]}"""));
        if (random.Next(2) == 0) items.Add(Item("nat", "shop", """{"type":"static","outside":"198.51.100.1","protocol":"tcp","outside_port":443,"inside":"10.2.0.5","inside_port":80}"""));
        if (random.Next(3) == 0) items.Add(Item("policy", "never", $$"""{"action":"discard","local_ts":["{{Pick(random, _nets)}}"],"remote_ts":["{{Pick(random, _nets)}}"]}"""));
        if (random.Next(4) == 0) items.Add(Item("abf-policy", "steer", """{"acl":"b","next_hops":[{"via":"10.2.0.253"}]}"""));
        return items;
    }

    private static string Interface(string name, string device, string address, Random random)
    {
        string[] lists = ["[]", "[]", "[\"a\"]", "[\"b\"]", "[\"a\",\"b\"]"];
        return Item("interface", name, $$"""{"type":"af-packet","device":"{{device}}","addresses":["{{address}}"],"acl_in":{{Pick(random, lists)}},"acl_out":{{Pick(random, lists)}},"acl_default":"{{Pick(random, "permit", "deny")}}"{{(random.Next(4) == 0 ? ",\"rpf4\":\"strict\"" : "")}}}""");
    }

    private static string Acl(string name, Random random) => Item("acl", name, $$"""{"rules":[{{string.Join(',', Enumerable.Range(0, random.Next(1, 7)).Select(i => Rule(i, random)))}}]}""");

    private static string Rule(int number, Random random)
    {
        var protocol = Pick(random, "tcp", "udp", "icmp", "");
        var ports = protocol is "tcp" or "udp" && random.Next(2) == 0 ? $",\"to_ports\":[\"{Pick(random, _ports)}\"]" : "";
        var ends = (random.Next(2) == 0 ? $",\"from\":[\"{Pick(random, _nets)}\"]" : "") + (random.Next(2) == 0 ? $",\"to\":[\"{Pick(random, _nets)}\"]" : "");
        return $$"""{"name":"r{{number}}","action":"{{Pick(random, "permit", "permit", "permit-reflect", "deny", "reject")}}"{{(protocol.Length == 0 ? "" : $",\"protocol\":\"{protocol}\"")}}{{ports}}{{ends}}}""";
    }

    private static (string Text, byte[] Packet) Packet(Random random)
    {
        var (from, to) = (Pick(random, _hosts), Pick(random, _hosts));
        var (source, destination) = ((ushort)random.Next(40_000, 40_003), ushort.Parse(Pick(random, _ports), System.Globalization.CultureInfo.InvariantCulture));
        var ttl = (byte)(random.Next(12) == 0 ? 1 : 64);
        return random.Next(3) switch
        {
            0 => ($"tcp {from}:{source} {to}:{destination} ttl {ttl} flags syn", Build.Ip4(from, to, 6, Syn(from, to, source, destination), ttl)),
            1 => ($"udp {from}:{source} {to}:{destination} ttl {ttl}", Build.Ip4(from, to, 17, Build.Udp(from, to, source, destination, new byte[32]), ttl)),
            _ => ($"icmp {from} {to} ttl {ttl}", Build.Ip4(from, to, 1, Build.Icmp4(8, 0, 0x0001_0001, []), ttl)),
        };
    }

    private static byte[] Syn(string from, string to, int source, int destination)
    {
        var segment = Build.Tcp(from, to, 2, [], []);
        Build.Put16(segment, 0, source);
        Build.Put16(segment, 2, destination);
        Build.Put16(segment, 16, 0);
        Build.Put16(segment, 16, SlowChecksum.Of([.. Build.Pseudo(from, to, 6, segment.Length), .. segment]));
        return segment;
    }

    private static string Pick(Random random, params string[] words) => words[random.Next(words.Length)];
}
