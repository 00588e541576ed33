using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Unit.Dataplane.Packets;

public sealed class RouteListTests : IDisposable
{
    private readonly TestGateway _gateway = new();

    /// <summary>An item as the slow twin holds it: prefixes, preference, next hop.</summary>
    private sealed record Held(List<IpPrefix> Prefixes, int Preference, string Via);

    [Fact]
    public void Routes_and_lists_lead_as_a_search_through_all_of_them_says()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var twin = new Dictionary<string, Held>();
        // Of each, a next hop: the third one's interface comes and goes.
        string[] vias = ["198.51.100.2", "10.1.0.2", "192.0.2.2"];
        uint? third = null;
        for (var step = 0; step < 3000; step++)
        {
            var name = $"l{random.Next(4)}";
            switch (random.Next(8))
            {
                case 0:
                    third = Toggle(third);
                    break;
                case 1:
                    if (twin.Remove(name)) Assert.True(_gateway.Control.RemoveRoutes(name));
                    break;
                case 2:
                    var single = $"r{random.Next(6)}";
                    if (twin.Remove(single, out var old)) Assert.True(_gateway.Control.RemoveRoute(0, Network(old.Prefixes[0]), (uint)old.Preference));
                    break;
                case < 5:
                    var route = $"r{random.Next(6)}";
                    var one = new Held([Prefix(random)], random.Next(2), vias[random.Next(3)]);
                    if (twin.ContainsKey(route) || Collides(twin, route, one)) break;
                    twin[route] = one;
                    _gateway.Control.AddRoute(Settings(one) with { To = Network(one.Prefixes[0]) });
                    break;
                default:
                    var list = new Held([.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => Prefix(random)).Distinct()], random.Next(2), vias[random.Next(3)]);
                    if (Collides(twin, name, list)) break;
                    twin[name] = list;
                    Assert.Equal(list.Via != vias[2] || third is not null, _gateway.Control.SetRoutes(name, Settings(list), PrefixList.Of(list.Prefixes)));
                    break;
            }

            Compare(twin, third is not null, $"seed {seed}, step {step}");
        }

        foreach (var (name, held) in twin)
            Assert.True(name[0] == 'l' ? _gateway.Control.RemoveRoutes(name) : _gateway.Control.RemoveRoute(0, Network(held.Prefixes[0]), (uint)held.Preference));
        Compare([], third is not null, $"seed {seed}, end");
    }

    [Fact]
    public void A_prefix_that_moves_from_one_list_to_another_leads_the_new_way_whichever_changes_first()
    {
        var (a, b) = (PrefixList.Of([P("20.0.0.0/24"), P("20.0.1.0/24")]), PrefixList.Of([P("20.0.2.0/24")]));
        _gateway.Control.SetRoutes("a", Via("198.51.100.2"), a);
        _gateway.Control.SetRoutes("b", Via("10.1.0.2"), b);
        // The new holder first: until the old one lets go both have it.
        _gateway.Control.SetRoutes("b", Via("10.1.0.2"), PrefixList.Of([P("20.0.1.0/24"), P("20.0.2.0/24")]));
        _gateway.Control.SetRoutes("a", Via("198.51.100.2"), PrefixList.Of([P("20.0.0.0/24")]));
        Assert.Equal("10.1.0.2", ViaOf("20.0.1.0/24"));
        // And to a route of its own.
        _gateway.Control.AddRoute(Via("198.51.100.2") with { To = IPNetwork.Parse("20.0.1.0/24") });
        _gateway.Control.SetRoutes("b", Via("10.1.0.2"), b);
        Assert.Equal("198.51.100.2", ViaOf("20.0.1.0/24"));
        Assert.True(_gateway.Control.RemoveRoute(0, IPNetwork.Parse("20.0.1.0/24")));
        Assert.Null(ViaOf("20.0.1.0/24"));
    }

    public void Dispose() => _gateway.Dispose();

    private uint? Toggle(uint? third)
    {
        if (third is { } index)
        {
            _gateway.Control.RemoveInterface(index);
            return null;
        }

        var added = _gateway.Control.AddInterface(new InterfaceSettings { Name = "third", Type = "in-memory", Mac = new PhysicalAddress([2, 0, 0, 0, 3, 1]) }, new InMemoryPort(_gateway.Control.Pool));
        _gateway.Control.SetAddresses(added, [TestGateway.Address("192.0.2.1", 24)]);
        return added;
    }

    private void Compare(Dictionary<string, Held> twin, bool third, string where)
    {
        var expected = twin.Values.SelectMany(h => h.Prefixes.Select(p => (Prefix: p.ToString(), h.Preference, h.Via)))
            .Where(r => third || r.Via != "192.0.2.2")
            .GroupBy(r => r.Prefix)
            .Select(g => g.MinBy(r => r.Preference))
            .Select(r => $"{r.Prefix} {r.Via}")
            .Order(StringComparer.Ordinal);
        var rows = _gateway.Control.Routes().Where(r => r.To.BaseAddress.GetAddressBytes()[0] == 20).ToList();
        Assert.True(expected.SequenceEqual(rows.Where(r => r.Active).Select(r => $"{r.To} {r.Via}").Order(StringComparer.Ordinal)), where);
        Assert.Equal(third ? 0 : twin.Values.Where(h => h.Via == "192.0.2.2").Sum(h => h.Prefixes.Count), rows.Count(r => !r.Active));
    }

    private static bool Collides(Dictionary<string, Held> twin, string name, Held held) =>
        twin.Any(t => t.Key != name && t.Value.Preference == held.Preference && t.Value.Prefixes.Intersect(held.Prefixes).Any());

    private string? ViaOf(string prefix) => _gateway.Control.Routes().SingleOrDefault(r => r.To.ToString() == prefix)?.Via?.ToString();

    private static RouteSettings Via(string via) => new() { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse(via) };

    private static RouteSettings Settings(Held held) => Via(held.Via) with { Preference = (uint)held.Preference };

    private static IPNetwork Network(IpPrefix prefix) => new(prefix.Address, prefix.Length);

    private static IpPrefix Prefix(Random random) => random.Next(5) == 0 ? P($"20.0.{random.Next(2) * 16}.0/20") : P($"20.0.{random.Next(32)}.0/24");

    private static IpPrefix P(string text) => IpPrefix.TryParse(text, out var prefix) ? prefix : throw new FormatException(text);
}
