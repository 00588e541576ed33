using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Events.Written;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Policy.Events;

/// <summary>The reader of events in the form in which they are written, held to the serializer: it says the same, or leaves the event to it.</summary>
public sealed class WrittenEventsTests
{
    /// <summary>What it must read by itself: the events that come with every SA and every transaction.</summary>
    private static readonly string[] _own =
    [
        "ike.child-installed.v1", "ike.child-closed.v1", "ike.children-inherited.v1", "ike.sa-established.v1", "ike.sa-closed.v1", "ike.lease-granted.v1", "ike.lease-released.v1",
        "config.transaction-committed.v1", "config.route-put.v1", "config.route-deleted.v1", "config.connection-deleted.v1",
    ];

    private static readonly string[] _words = ["net", "branch7", "aes128gcm16-x25519", "CN=Grüße, O=レフト", "a \"quote\"", "back\\slash", "tab\tnew\nline", "", "😀", "</script>", "right.lab", "\u007f", "a\u2028b"];

    private readonly RecurringValues _recurring = new();

    public static TheoryData<string> Names => [.. EventCatalog.Rows.Select(r => r.Name)];

    public static TheoryData<string> Own => [.. _own];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_frozen_sample_says_the_same_in_the_form_in_which_it_is_written(string name)
    {
        var (row, data) = (Row(name), Frozen(name));
        var expected = EventReader.Read(row, data)!;
        Assert.Equal(EventSamples.ByName[name], expected);
        foreach (var recurring in (RecurringValues?[])[null, _recurring, _recurring])
        {
            if (WrittenEvents.TryRead(row, data, recurring) is { } read) Assert.Equal(expected, read);
            else Assert.DoesNotContain(name, _own);
        }
    }

    [Theory]
    [MemberData(nameof(Own))]
    public void Every_member_may_stand_there_or_not(string name)
    {
        // Without each member in turn, and without each two.
        var row = Row(name);
        var paths = Paths(JsonNode.Parse(Frozen(name))!.AsObject()).ToList();
        foreach (var a in paths)
        {
            foreach (var b in paths)
            {
                var json = JsonNode.Parse(Frozen(name))!.AsObject();
                Remove(json, a);
                if (a != b) Remove(json, b);
                var data = Encoding.UTF8.GetBytes(json.ToJsonString(PolicyJson.Options));
                AssertSame(row, data, name);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Random_events_read_the_same_both_ways(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 3000; i++)
        {
            var e = Any(random);
            var (name, data) = EventCatalog.Encode(e);
            if (AssertSame(Row(name), data.Span, $"seed {seed}, {i}") is { } read) Assert.Equal(e, read);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Whatever_is_done_to_an_event_it_reads_the_same_or_is_left_to_the_serializer(int seed)
    {
        var random = new Random(seed);
        var (taken, left) = (0, 0);
        for (var i = 0; i < 10_000; i++)
        {
            var (name, encoded) = EventCatalog.Encode(Any(random));
            var data = Spoilt(random, encoded.Span.ToArray());
            // Also where the data is of another event than the name says.
            if (random.Next(50) == 0) name = EventCatalog.Rows[random.Next(EventCatalog.Rows.Count)].Name;
            if (AssertSame(Row(name), data, $"seed {seed}, {i}") is null) left++;
            else taken++;
        }

        Assert.True(taken > 500 && left > 5000, $"seed {seed}: {taken} taken, {left} left");
    }

    [Theory]
    [InlineData("ike.sa-closed.v1", "{\"id\":18446744073709551615,\"connection\":\"c\",\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":18446744073709551616,\"connection\":\"c\",\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":07,\"connection\":\"c\",\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":7.0,\"connection\":\"c\",\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":7e1,\"connection\":\"c\",\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":-7,\"connection\":\"c\",\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":7,\"connection\":\"\",\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":7,\"connection\":null,\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":7,\"connection\":\"c\",\"reason\":null}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":7,\"connection\":\"c\",\"reason\":\"r\"}}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":7,\"connection\":\"c\",\"reason\":\"r\"} ")]
    [InlineData("ike.sa-closed.v1", "{\"id\":7,\"connection\":\"c\",\"connection\":\"d\",\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"connection\":\"c\",\"id\":7,\"reason\":\"r\"}")]
    [InlineData("ike.sa-closed.v1", "{\"id\":7,\"connection\":\"\\u0063\",\"reason\":\"r\"}")]
    [InlineData("config.transaction-committed.v1", "{\"revision\":9223372036854775808,\"changes\":1}")]
    [InlineData("config.transaction-committed.v1", "{\"revision\":1,\"changes\":2147483648}")]
    [InlineData("config.transaction-committed.v1", "{\"revision\":1,\"changes\":-1}")]
    [InlineData("config.transaction-committed.v1", "{\"revision\":1,\"changes\":1,\"reason\":null,\"taken\":0}")]
    [InlineData("config.transaction-committed.v1", "{\"revision\":1,\"changes\":1,\"taken\":1,\"reason\":\"x\"}")]
    [InlineData("config.transaction-committed.v1", "{\"revision\":1,\"changes\":1,\"later\":1}")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\",\"spec\":{\"to\":\"10.0.0.1/24\"}}")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\",\"spec\":{\"to\":\"10.0.0.0/33\"}}")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\",\"spec\":{\"to\":\"10.0.0.0/24\",\"via\":\"010.0.0.1\"}}")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\",\"spec\":{\"to\":\"10.0.0.0/24\",\"via\":\"10.0.1\"}}")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\",\"spec\":{\"to\":\"::/0\",\"via\":\"fe80::1%1\"}}")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\",\"spec\":{\"to\":\"::/0\",\"via\":\"2001:db8::1\",\"interface\":\"wan\",\"blackhole\":true}}")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\",\"spec\":{\"to\":\"::/0\"},\"name\":\"s\"}")]
    [InlineData("config.route-deleted.v1", "{\"name\":\"\"}")]
    [InlineData("ike.child-closed.v1", "")]
    public void Odd_data_is_what_the_serializer_says(string name, string data) => AssertSame(Row(name), Encoding.UTF8.GetBytes(data), name);

    [Fact]
    public void Octets_that_are_not_UTF8_are_left_to_the_serializer()
    {
        byte[] data = [.. "{\"id\":7,\"connection\":\"c"u8, 0xc3, .. "\",\"reason\":\"r\"}"u8];
        Assert.Null(WrittenEvents.TryRead(Row("ike.sa-closed.v1"), data, _recurring));
    }

    [Fact]
    public async Task Many_threads_remember_values_together()
    {
        var recurring = new RecurringValues();
        // More of each than there are places.
        var routes = Enumerable.Range(0, 10_000).Select(i => (GatewayEvent)new ItemPut(
            new ItemKey("route", $"r{i}"), new RouteSpec { To = new IpPrefix(new IPAddress([10, (byte)(i / 250), (byte)(i % 250), 0]), 24), Via = new IPAddress([192, 0, (byte)(i / 250), (byte)(i % 250)]) })).ToList();
        var encoded = routes.ConvertAll(EventCatalog.Encode);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(t => Task.Run(() =>
        {
            for (var i = 0; i < encoded.Count; i++)
            {
                var at = t % 2 == 0 ? i : encoded.Count - 1 - i;
                Assert.True(EventCatalog.TryDecode(encoded[at].Name, encoded[at].Data.Span, out var read, out _, recurring));
                Assert.Equal(routes[at], read);
            }
        })));
    }

    /// <summary>Reads both ways; what the reader of the written form says must be what the serializer says.</summary>
    private GatewayEvent? AssertSame(EventRow row, ReadOnlySpan<byte> data, string where)
    {
        GatewayEvent? expected = null;
        try
        {
            expected = EventReader.Read(row, data);
        }
        catch (Exception bad) when (bad is JsonException or InvalidOperationException)
        {
            // Then it must be left to the serializer, which says what is wrong.
        }

        var read = WrittenEvents.TryRead(row, data, _recurring);
        var text = Encoding.UTF8.GetString(data);
        // What stands there as it was written is read, but for the rare cases that are the serializer's.
        if (expected is not null && EventCatalog.Encode(expected).Data.Span.SequenceEqual(data) && !IsRare(expected, data)) Assert.True(read is not null, $"{where}: {row.Name} {text} is not read");
        Assert.True(read is null || read.Equals(expected), $"{where}: {row.Name} {text}: {read}, and not {expected?.ToString() ?? "refused"}");
        Assert.True(read is null || read.Equals(WrittenEvents.TryRead(row, data, null)), $"{where}: {row.Name} {text} is read otherwise without memory");
        return read;
    }

    private static EventRow Row(string name) => EventCatalog.Rows.Single(r => r.Name == name);

    private static byte[] Frozen(string name) =>
        Encoding.UTF8.GetBytes(JsonNode.Parse(File.ReadAllBytes(Path.Combine(Repository.Root, "tests", "Unit", "Policy", "Samples", name + ".json")))!.ToJsonString(PolicyJson.Options));

    private static IEnumerable<string[]> Paths(JsonObject json)
    {
        foreach (var (name, value) in json)
        {
            yield return [name];
            if (value is not JsonObject inner) continue;
            foreach (var path in Paths(inner)) yield return [name, .. path];
        }
    }

    private static void Remove(JsonObject json, string[] path)
    {
        for (var i = 0; i < path.Length - 1; i++)
        {
            if (json[path[i]] is not JsonObject inner) return;
            json = inner;
        }

        json.Remove(path[^1]);
    }

    // Escapes, negative numbers, numbers of more than 19 digits, no selector at all.
    private static bool IsRare(GatewayEvent e, ReadOnlySpan<byte> data)
    {
        if (!_own.Contains(EventCatalog.NameOf(e)) && e is not ItemDeleted) return true;
        if (data.Contains((byte)'\\') || data.IndexOf("[]"u8) >= 0 || data.IndexOf(":-"u8) >= 0) return true;
        var digits = 0;
        foreach (var octet in data)
        {
            digits = char.IsAsciiDigit((char)octet) ? digits + 1 : 0;
            if (digits > 19) return true;
        }

        return false;
    }

    private static GatewayEvent Any(Random random) => random.Next(10) switch
    {
        0 or 1 => new ChildSaInstalled(
            new ChildSaParameters
            {
                Id = new(Number(random)),
                IkeSa = new(Number(random)),
                Connection = new(Word(random, "c")),
                Child = new(Word(random, "n")),
                InboundSpi = new((uint)random.NextInt64(1L << 32)),
                OutboundSpi = new((uint)random.NextInt64(1L << 32)),
                LocalAddress = Address(random),
                RemoteAddress = Address(random),
                Encapsulation = random.Next(3) == 0 ? new((ushort)random.Next(65536), (ushort)random.Next(65536)) : null,
                Mode = random.Next(3) == 0 ? SaMode.Transport : SaMode.Tunnel,
                Transforms = new((ushort)random.Next(65536), (ushort)random.Next(65536), (ushort)(random.Next(2) * random.Next(65536))),
                InboundKey = Handle(random),
                OutboundKey = Handle(random),
                LocalSelectors = [.. Enumerable.Range(0, random.Next(4)).Select(_ => Selector(random))],
                RemoteSelectors = [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => Selector(random))],
                Esn = random.Next(2) == 0,
                ReplayWindow = random.Next(3) == 0 ? 64 : random.Next(5000),
                Lifetime = random.Next(3) == 0 ? default : new(Number(random), Number(random), Number(random), Number(random)),
                CopyDf = random.Next(2) == 0,
                CopyEcn = random.Next(2) == 0,
                CopyDscpOut = random.Next(2) == 0,
            },
            Word(random, ""),
            random.Next(2) == 0 ? null : new ChildSaId(Number(random))),
        2 => new ChildSaClosed(new(Number(random)), new(Number(random)), new(Word(random, "c")), new(Word(random, "n")), Word(random, ""), Number(random), Number(random), Number(random), Number(random)),
        3 => new IkeSaEstablished
        {
            Id = new(Number(random)),
            Connection = new(Word(random, "c")),
            Initiator = random.Next(2) == 0,
            InitiatorSpi = Number(random).ToString("x16"),
            ResponderSpi = Number(random).ToString("x16"),
            LocalAddress = Address(random),
            LocalPort = random.Next(65536),
            RemoteAddress = Address(random),
            RemotePort = random.Next(65536),
            LocalId = Word(random, ""),
            RemoteId = Word(random, ""),
            Proposal = Word(random, ""),
            Authentication = Word(random, ""),
            OwnAuthentication = random.Next(2) == 0 ? null : Word(random, ""),
            EapId = random.Next(2) == 0 ? null : Word(random, ""),
            Certificate = random.Next(4) == 0 ? new PeerCertificate(Word(random, ""), "CN=ca", "01", new DateTimeOffset(random.NextInt64(DateTime.MaxValue.Ticks / 2), TimeSpan.FromMinutes(random.Next(120)))) : null,
            PpkId = random.Next(2) == 0 ? null : Word(random, ""),
            NatLocal = random.Next(2) == 0,
            NatRemote = random.Next(2) == 0,
            Slot = random.Next(2) == 0 ? default : Handle(random),
            Replaces = random.Next(2) == 0 ? null : new IkeSaId(Number(random)),
        },
        4 => new IkeSaClosed(new(Number(random)), new(Word(random, "c")), Word(random, "")),
        5 => new ChildSasInherited(new(Number(random)), new(Number(random))),
        6 => random.Next(2) == 0
            ? new LeaseGranted(Word(random, ""), Address(random), Word(random, ""), new(Word(random, "c")), new(Number(random)))
            : new LeaseReleased(Word(random, ""), Address(random), Word(random, "")),
        8 => random.Next(2) == 0
            ? new NatBlockAssigned(Word(random, ""), Address(random), Address(random), random.Next(65536), random.Next(65536), random.Next(2) == 0 ? null : Word(random, ""))
            : new NatBlockReleased(Word(random, ""), Address(random), Address(random), random.Next(65536), random.Next(65536), new DateTimeOffset(random.NextInt64(DateTime.MaxValue.Ticks / 2), TimeSpan.Zero), Word(random, ""), random.Next(2) == 0 ? null : Word(random, "")),
        7 => new TransactionCommitted(random.NextInt64(), random.Next(), random.Next(2) == 0 ? null : Word(random, ""), random.Next(2) * random.Next(9)),
        _ => random.Next(3) == 0
            ? new ItemDeleted(new ItemKey(ItemCatalog.Kinds[random.Next(ItemCatalog.Kinds.Count)].Name, Word(random, "r")))
            : new ItemPut(new ItemKey("route", Word(random, "r")), new RouteSpec
            {
                To = new IpPrefix(Address(random), random.Next(33)),
                Via = random.Next(2) == 0 ? null : Address(random),
                Interface = random.Next(2) == 0 ? null : Word(random, ""),
                Blackhole = random.Next(2) == 0,
            }),
    };

    private static string Word(Random random, string otherThanEmpty) => _words[random.Next(4) == 0 ? random.Next(_words.Length) : random.Next(3)] is { Length: > 0 } word ? word : otherThanEmpty;

    private static ulong Number(Random random) => (ulong)random.NextInt64() >> random.Next(63) << random.Next(2);

    private static KeyHandle Handle(Random random) => new(new UInt128(Number(random), Number(random)));

    private static IPAddress Address(Random random)
    {
        var octets = new byte[random.Next(3) == 0 ? 16 : 4];
        random.NextBytes(octets);
        return new IPAddress(octets);
    }

    private static TrafficSelector Selector(Random random) => TrafficSelector.OfPrefix(Address(random), random.Next(33)) with
    {
        Protocol = random.Next(2) == 0 ? (byte)0 : (byte)17,
        StartPort = random.Next(2) == 0 ? (ushort)0 : (ushort)53,
    };

    private static byte[] Spoilt(Random random, byte[] data)
    {
        ReadOnlySpan<byte> likely = "{}[]\",:\\0123456789-.eEtfn u\0\x7f"u8;
        var octets = data.ToList();
        if (random.Next(4) == 0) return Encoding.UTF8.GetBytes(Rearranged(random, JsonNode.Parse(data)!).ToJsonString(PolicyJson.Options));
        for (var times = random.Next(2); times >= 0 && octets.Count > 0; times--)
        {
            var at = random.Next(octets.Count);
            switch (random.Next(6))
            {
                case 0: octets[at] = (byte)random.Next(256); break;
                case 1: octets[at] = likely[random.Next(likely.Length)]; break;
                case 2: octets.RemoveAt(at); break;
                case 3: octets.Insert(at, likely[random.Next(likely.Length)]); break;
                case 4: octets.InsertRange(at, octets.GetRange(at, Math.Min(random.Next(40), octets.Count - at))); break;
                default: octets.RemoveRange(at, Math.Min(random.Next(20), octets.Count - at)); break;
            }
        }

        return [.. octets];
    }

    /// <summary>Members in another order, gone, null, or of another kind; also more of them.</summary>
    private static JsonNode Rearranged(Random random, JsonNode json)
    {
        if (json is not JsonObject members) return json;
        var list = members.Select(m => (m.Key, Value: m.Value?.DeepClone())).ToList();
        switch (random.Next(5))
        {
            case 0: list = [.. list.OrderBy(_ => random.Next())]; break;
            case 1: list.RemoveAt(random.Next(list.Count)); break;
            case 2: list[random.Next(list.Count)] = (list[random.Next(list.Count)].Key, null); break;
            case 3: list.Insert(random.Next(list.Count + 1), ("later", 1)); break;
            default:
                var at = random.Next(list.Count);
                list[at] = (list[at].Key, list[at].Value is JsonObject inner ? Rearranged(random, inner) : list[random.Next(list.Count)].Value?.DeepClone());
                break;
        }

        var changed = new JsonObject();
        foreach (var (name, value) in list) changed[name] = value?.DeepClone();
        return changed;
    }
}
