using System.Text;
using System.Text.Json.Nodes;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Policy.Events;

/// <summary>
/// What was stored once must read the same for ever: each stored name has a frozen sample file. A test that fails here means that journals in the field
/// would not open; change the code, or add a new version, never the sample.
/// </summary>
public sealed class EventCatalogTests
{
    public static TheoryData<string> Names => [.. EventCatalog.Rows.Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_frozen_sample_reads_as_the_event_it_always_was(string name)
    {
        var frozen = File.ReadAllBytes(SampleFile(name));
        Assert.True(EventCatalog.TryDecode(name, frozen, out var e, out var failure), failure?.Message);
        Assert.Equal(EventSamples.ByName[name], e);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_event_is_written_as_its_frozen_sample(string name)
    {
        var (written, data) = EventCatalog.Encode(EventSamples.ByName[name]);
        Assert.Equal(name, written);
        if (Environment.GetEnvironmentVariable("GATEWAY_WRITE_SAMPLES") == "new" && !File.Exists(SampleFile(name)))
            File.WriteAllText(SampleFile(name), JsonNode.Parse(data.Span)!.ToString() + "\n");
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(File.ReadAllBytes(SampleFile(name))), JsonNode.Parse(data.Span)), Encoding.UTF8.GetString(data.Span));
    }

    [Fact]
    public void Every_event_record_has_a_row_and_every_row_one_name()
    {
        var records = typeof(GatewayEvent).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(GatewayEvent)) && !t.IsAbstract);
        Assert.Equal(records.OrderBy(t => t.Name), EventCatalog.Rows.Select(r => r.Type).Distinct().OrderBy(t => t.Name));
        Assert.Equal(EventCatalog.Rows.Count, EventCatalog.Rows.Select(r => r.Name).Distinct().Count());
        Assert.All(EventCatalog.Rows, r => Assert.Matches(@"^[a-z]+\.[a-z0-9-]+\.v[1-9][0-9]*$", r.Name));
    }

    [Fact]
    public void A_sample_file_without_a_row_is_a_lost_event()
    {
        // Old versions keep theirs and are read through an upcast.
        foreach (var old in EventCatalog.OldNames) Assert.True(EventCatalog.TryDecode(old, File.ReadAllBytes(SampleFile(old)), out _, out var failure), failure?.Message);
        var files = Directory.GetFiles(Path.GetDirectoryName(SampleFile("x"))!, "*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Order();
        Assert.Equal(EventCatalog.Rows.Select(r => r.Name).Concat(EventCatalog.OldNames).Order(), files);
    }

    [Theory]
    [InlineData("ike.child-installed.v2")]
    [InlineData("config.gizmo-put.v1")]
    [InlineData("")]
    public void An_unknown_name_is_a_failure_that_says_so(string name)
    {
        Assert.False(EventCatalog.TryDecode(name, "{}"u8, out _, out var failure));
        Assert.IsType<EventFailure.Unknown>(failure);
        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gateway.stopped.v1", "{}")]
    [InlineData("gateway.stopped.v1", "null")]
    [InlineData("gateway.stopped.v1", "{\"reason\":\"x\",\"more\":1}")]
    [InlineData("gateway.stopped.v1", "{\"reason\":\"x\"")]
    [InlineData("gateway.stopped.v1", "")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\"}")]
    [InlineData("config.route-put.v1", "{\"spec\":{\"to\":\"0.0.0.0/0\"}}")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\",\"spec\":{\"to\":\"0.0.0.0/0\"},\"x\":1}")]
    [InlineData("config.route-put.v1", "{\"name\":\"r\",\"spec\":{}}")]
    [InlineData("config.route-deleted.v1", "{\"name\":\"r\",\"spec\":{\"to\":\"0.0.0.0/0\"}}")]
    [InlineData("config.route-deleted.v1", "[]")]
    public void Data_that_the_name_does_not_hold_is_unreadable(string name, string data)
    {
        Assert.False(EventCatalog.TryDecode(name, Encoding.UTF8.GetBytes(data), out _, out var failure));
        Assert.IsType<EventFailure.Unreadable>(failure);
    }

    [Fact]
    public void A_name_that_is_not_UTF8_is_unreadable()
    {
        Assert.False(EventCatalog.TryDecode("config.route-deleted.v1", [.. "{\"name\":\"r"u8, 0xc3, .. "\"}"u8], out _, out var failure));
        Assert.IsType<EventFailure.Unreadable>(failure);
    }

    [Fact]
    public void An_old_version_is_upcast_step_by_step()
    {
        EventRow[] rows = [new("gateway.stopped.v3", typeof(GatewayStopped))];
        Upcast[] upcasts =
        [
            new("gateway.stopped.v1", "gateway.stopped.v2", old => new JsonObject { ["why"] = old["because"]!.DeepClone() }),
            new("gateway.stopped.v2", "gateway.stopped.v3", old => new JsonObject { ["reason"] = old["why"]!.DeepClone() }),
        ];
        var reader = new EventReader(rows, upcasts);
        Assert.True(reader.TryDecode("gateway.stopped.v1", "{\"because\":\"signal\"}"u8, out var e, out _));
        Assert.Equal(new GatewayStopped("signal"), e);
        Assert.Equal("gateway.stopped.v3", reader.NameOf(e));
    }

    [Fact]
    public void A_memif_interface_is_kept_with_every_member()
    {
        var put = new ItemPut(new ItemKey("interface", "vswitch"), new InterfaceSpec
        {
            Type = InterfaceType.Memif,
            Socket = "/run/vswitch/memif.sock",
            Id = 4_294_967_295,
            Role = MemifRole.Client,
            RingSize = 4096,
            BufferSize = 512,
            Queues = 2,
        });
        var (name, data) = EventCatalog.Encode(put);
        Assert.Contains(
            "\"socket\":\"/run/vswitch/memif.sock\",\"id\":4294967295,\"role\":\"client\",\"ring_size\":4096,\"buffer_size\":512,\"queues\":2}",
            Encoding.UTF8.GetString(data.Span),
            StringComparison.Ordinal);
        Assert.True(EventCatalog.TryDecode(name, data.Span, out var read, out _));
        Assert.Equal(put, read);
    }

    [Fact]
    public void An_af_xdp_interface_is_kept_with_every_member()
    {
        var put = new ItemPut(new ItemKey("interface", "wan"), new InterfaceSpec { Type = InterfaceType.AfXdp, Device = "eth1", TakeOver = true, Queues = 4, Mode = XdpMode.Native });
        var (name, data) = EventCatalog.Encode(put);
        var text = Encoding.UTF8.GetString(data.Span);
        Assert.Contains("\"type\":\"af-xdp\",\"device\":\"eth1\"", text, StringComparison.Ordinal);
        Assert.Contains("\"take_over\":true,\"queues\":4,\"mode\":\"native\"}", text, StringComparison.Ordinal);
        Assert.True(EventCatalog.TryDecode(name, data.Span, out var read, out _));
        Assert.Equal(put, read);
    }

    [Fact]
    public void An_ipsec_interface_and_what_names_it_are_kept()
    {
        var put = new ItemPut(new ItemKey("interface", "tun7"), new InterfaceSpec { Type = InterfaceType.Ipsec, IfId = 4_294_967_295 });
        var (name, data) = EventCatalog.Encode(put);
        Assert.Contains("{\"type\":\"ipsec\",\"if_id\":4294967295}", Encoding.UTF8.GetString(data.Span), StringComparison.Ordinal);
        Assert.True(EventCatalog.TryDecode(name, data.Span, out var read, out _));
        Assert.Equal(put, read);

        var child = new ChildSpec { CopyDscp = DscpCopy.No, IfIdIn = 0, IfIdOut = 8 };
        var connection = new ItemPut(new ItemKey("connection", "c"), new ConnectionSpec
        {
            Local = [new()],
            Remote = [new()],
            IfIdIn = 7,
            IfIdOut = 9,
            Children = new Dictionary<string, ChildSpec> { ["n"] = child },
        });
        (name, data) = EventCatalog.Encode(connection);
        Assert.Contains("\"n\":{\"copy_dscp\":\"no\",\"if_id_in\":0,\"if_id_out\":8}", Encoding.UTF8.GetString(data.Span), StringComparison.Ordinal);
        Assert.True(EventCatalog.TryDecode(name, data.Span, out read, out _));
        Assert.Equal(connection, read);

        var installed = Assert.IsType<ChildSaInstalled>(EventSamples.ByName["ike.child-installed.v1"]);
        var routed = installed with { Parameters = installed.Parameters with { CopyDscpIn = true, IfIdIn = 1, IfIdOut = 2 } };
        (name, data) = EventCatalog.Encode(routed);
        Assert.True(EventCatalog.TryDecode(name, data.Span, out read, out _));
        Assert.Equal(routed, read);
    }

    [Fact]
    public void What_is_left_out_reads_as_the_default_it_always_had()
    {
        // A changed default would change what old journals say.
        Assert.True(EventCatalog.TryDecode("config.connection-put.v1", "{\"name\":\"c\",\"spec\":{\"local\":[{}],\"remote\":[{}],\"children\":{\"n\":{}}}}"u8, out var e, out var failure), failure?.Message);
        var connection = Assert.IsType<ConnectionSpec>(Assert.IsType<ItemPut>(e).Spec);
        Assert.Equal((2, 500, 500, false, true, FragmentationPolicy.Yes), (connection.Version, connection.LocalPort, connection.RemotePort, connection.Encap, connection.Mobike, connection.Fragmentation));
        Assert.Equal(("0s", "4h", 1, UniquePolicy.No), (connection.DpdDelay.ToString(), connection.RekeyTime.ToString(), connection.Keyingtries, connection.Unique));
        var child = connection.Children["n"];
        Assert.Equal(("[dynamic]", "[dynamic]", SaMode.Tunnel, StartAction.None), (child.LocalTs.ToString(), child.RemoteTs.ToString(), child.Mode, child.StartAction));
        Assert.Equal((LossAction.Clear, LossAction.None, "1h", 64, true, true), (child.DpdAction, child.CloseAction, child.RekeyTime.ToString(), child.ReplayWindow, child.CopyDf, child.CopyEcn));
        Assert.True(EventCatalog.TryDecode("config.interface-put.v1", "{\"name\":\"i\",\"spec\":{\"type\":\"loopback\"}}"u8, out e, out _));
        var device = Assert.IsType<InterfaceSpec>(Assert.IsType<ItemPut>(e).Spec);
        Assert.Equal((true, false, null), (device.Enabled, device.TakeOver, device.Mtu));
    }

    private static string SampleFile(string name) => Path.Combine(Repository.Root, "tests", "Unit", "Policy", "Samples", name + ".json");
}
