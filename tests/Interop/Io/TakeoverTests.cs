using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>A host whose own addresses and default route stand on the port that the gateway takes, and gets them back.</summary>
public sealed class TakeoverTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly Netns _host;
    private readonly Netns _outside;
    private readonly PacketPool _pool = new(1024, hugepages: false);
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-takeover-").FullName;
    private readonly string _before;

    public TakeoverTests()
    {
        (_host, _outside) = (_net.Add("host"), _net.Add("outside"));
        _net.Link(_host, "wan", _outside, "eth0");
        _net.Link(_host, "other", _outside, "eth1");
        _outside.Address("eth0", "192.0.2.254/24");
        _outside.Address("eth0", "2001:db8::fe/64");
        _host.Address("wan", "192.0.2.7/24");
        _host.Must("ip addr add 192.0.2.8/32 dev wan label wan:two");
        _host.Address("wan", "2001:db8::7/64");
        _host.Must("ip route add default via 192.0.2.254 dev wan metric 50");
        _host.Must("ip route add 198.51.100.0/24 via 192.0.2.254 dev wan src 192.0.2.8 mtu 1400");
        _host.Must("ip -6 route add default via 2001:db8::fe dev wan");
        // The kernel makes the routes of an IPv6 address a little after the address.
        Netns.Await(() => State().Contains("local 2001:db8::7 dev wan", StringComparison.Ordinal), "the kernel makes the address's own route");
        _before = State();
    }

    private string StateFile => Path.Combine(_folder, "takeover.json");

    public void Dispose()
    {
        _net.Dispose();
        _pool.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Everything_is_as_before_after_an_orderly_end()
    {
        using (PortFactory factory = new(StateFile, _host.Path))
        {
            Take(factory);
            AssertTaken();
            Assert.Contains("192.0.2.7/24", File.ReadAllText(StateFile), StringComparison.Ordinal);
        }

        AssertAsBefore();
    }

    [Fact]
    public void Everything_is_as_before_after_closing_the_port()
    {
        using PortFactory factory = new(StateFile, _host.Path);
        Take(factory).Dispose();
        AssertAsBefore();
    }

    [Fact]
    public void A_device_that_was_down_is_down_again()
    {
        _host.Must("ip link set other down");
        using PortFactory factory = new(StateFile, _host.Path);
        PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(factory.Open(new PortSpec.AfPacket("other"), _pool));
        Assert.Contains("UP", _host.Must("ip link show other"), StringComparison.Ordinal);
        opened.Port.Dispose();
        Assert.DoesNotContain("<BROADCAST,MULTICAST,UP", _host.Must("ip link show other"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_next_start_repairs_what_a_killed_one_left()
    {
        Kill();
        AssertTaken();
        Assert.NotEmpty(_host.Must("ip rule show table 26488"));

        // The kernel stays silent until the next start decides.
        Assert.False(_outside.Try("ping -c1 -W1 192.0.2.7").Ok);
        Assert.Equal(["wan"], PortFactory.Repair(StateFile, networkNamespace: _host.Path));
        AssertAsBefore();
    }

    [Fact]
    public void The_next_start_takes_over_where_a_killed_one_left_and_still_gives_back_everything()
    {
        Kill();
        using (PortFactory factory = new(StateFile, _host.Path))
        {
            Take(factory);
            Assert.Empty(factory.ReleaseUnclaimed());
            AssertTaken();
        }

        _host.Must("ip rule flush table 26488"); // The punt device of the first one was not asked for again.
        AssertAsBefore();
    }

    [Fact]
    public void A_start_that_no_longer_wants_the_device_gives_it_back()
    {
        Kill();
        using PortFactory factory = new(StateFile, _host.Path);
        AssertTaken();
        Assert.Equal(["wan"], factory.ReleaseUnclaimed());
        _host.Must("ip rule flush table 26488");
        AssertAsBefore();
    }

    [Fact]
    public void A_start_that_may_no_longer_take_it_over_is_refused_and_the_device_given_back()
    {
        Kill();
        using PortFactory factory = new(StateFile, _host.Path);
        PortOpening.Refused refused = Assert.IsType<PortOpening.Refused>(factory.Open(new PortSpec.AfPacket("wan"), _pool));
        Assert.Contains("192.0.2.7/24", refused.Reason, StringComparison.Ordinal);
        _host.Must("ip rule flush table 26488");
        AssertAsBefore();
    }

    [Fact]
    public void An_orderly_end_of_the_process_gives_everything_back()
    {
        using BackgroundProcess victim = StartVictim();
        AssertTaken();
        Shell.Must("kill", ["-TERM", victim.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        Assert.Equal(0, victim.WaitForExit(15));
        AssertAsBefore();
    }

    [Fact]
    public void A_second_gateway_cannot_use_the_same_file()
    {
        using BackgroundProcess victim = StartVictim();
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => new PortFactory(StateFile, _host.Path).Dispose());
        Assert.Contains("still runs", e.Message, StringComparison.Ordinal);
        victim.Kill();
        PortFactory.Repair(StateFile, networkNamespace: _host.Path);
        AssertAsBefore();
    }

    [Fact]
    public void A_file_of_another_boot_or_namespace_is_not_obeyed()
    {
        Kill();
        string text = File.ReadAllText(StateFile);
        File.WriteAllText(StateFile, text.Replace("\"boot_id\": \"", "\"boot_id\": \"0", StringComparison.Ordinal));
        Assert.Empty(PortFactory.Repair(StateFile, networkNamespace: _host.Path));
        Assert.False(File.Exists(StateFile));
    }

    [Fact]
    public void Without_the_capability_the_answer_names_it()
    {
        using BackgroundProcess poor = _host.Start(
            $"setpriv --bounding-set=-net_admin --inh-caps=-net_admin {Environment.ProcessPath}",
            new Dictionary<string, string> { [Victim.Variable] = StateFile + " wan" });
        Assert.NotEqual(0, poor.WaitForExit(20));
        Assert.Contains("CAP_NET_ADMIN", poor.Output, StringComparison.Ordinal);
        Assert.Equal(_before, State());
    }

    private IDevicePort Take(PortFactory factory)
    {
        Assert.IsType<PortOpening.Refused>(factory.Open(new PortSpec.AfPacket("other") { Mtu = 9000 }, _pool));
        return Assert.IsType<PortOpening.Opened>(factory.Open(new PortSpec.AfPacket("wan") { TakeOver = true }, _pool)).Port;
    }

    private void Kill()
    {
        using BackgroundProcess victim = StartVictim();
        victim.Kill();
    }

    private BackgroundProcess StartVictim()
    {
        BackgroundProcess victim = _host.Start(Environment.ProcessPath!, new Dictionary<string, string> { [Victim.Variable] = StateFile + " wan" });
        Netns.Await(() => victim.HasExited || victim.Output.Contains("holding", StringComparison.Ordinal), "the victim takes its port: " + victim.Output);
        Assert.False(victim.HasExited, victim.Output);
        return victim;
    }

    private void AssertTaken()
    {
        Assert.DoesNotContain("192.0.2", _host.Must("ip -4 addr show dev wan"), StringComparison.Ordinal);
        Assert.Equal("", _host.Must("ip -6 addr show dev wan").Trim());
        Assert.DoesNotContain("dev wan", _host.Must("ip route show; ip -6 route show"), StringComparison.Ordinal);
        Assert.Contains("gateway_wan", _host.Must("nft list tables"), StringComparison.Ordinal);
        Assert.True(File.Exists(StateFile));
    }

    private void AssertAsBefore()
    {
        for (int i = 0; i < 100 && State() != _before; i++) Thread.Sleep(50);
        Assert.Equal(_before, State());
        Assert.False(File.Exists(StateFile));
        Netns.Await(() => _outside.Try("ping -c1 -W1 192.0.2.7").Ok, "the host answers again");
        Assert.True(_outside.Try("ping -c1 -W2 2001:db8::7").Ok);
    }

    /// <summary>Everything of the host that taking a port may touch; link-local addresses are the kernel's own affair.</summary>
    private string State() => string.Join('\n', _host.Must(
            "ip -o addr show; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; nft list ruleset; ip -o link show; cat /proc/sys/net/ipv6/conf/wan/disable_ipv6")
        .Split('\n')
        // iproute2 complains of namespaces of others that end while it lists.
        .Where(l => !l.Contains("fe80", StringComparison.Ordinal) && !l.Contains("ff00", StringComparison.Ordinal) && !l.StartsWith("Error: Peer netns", StringComparison.Ordinal))
        .Select(l => System.Text.RegularExpressions.Regex.Replace(l, @"^\d+: | valid_lft.*| proto kernel_ll", "").TrimEnd())
        .Order(StringComparer.Ordinal));
}
