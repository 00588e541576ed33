using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Resume;

/// <summary>The gateway is killed (SIGKILL) under traffic and started again, before a real strongSwan that must not notice more than a pause.</summary>
public sealed class KillAndResumeTests
{
    /// <summary>On a busy machine a start may take longer than a peer that checks for life every few seconds would wait.</summary>
    internal const string Patience = "dpd_delay = 60s";

    /// <summary>What strongSwan's log would hold if the SA had been touched.</summary>
    private static readonly string[] _disturbances =
        ["IKE_SA_INIT", "IKE_AUTH", "rekeying", "reauthenticating", "CREATE_CHILD_SA", "deleting", "received DELETE", "giving up", "initiating", "integrity check failed", "INVALID_SPI", "destroying"];

    [Theory]
    [InlineData(Role.GatewayResponds, 3)]
    [InlineData(Role.GatewayInitiates, 3)]
    public void A_killed_gateway_goes_on_with_the_same_SAs(Role role, int deaths) => Scene.Play(new LabCase { ConnectionLines = Patience }, role, scene =>
    {
        scene.ComesUp();
        var (ike, child) = (scene.IkeSpis(), scene.ChildSpis());
        using var capture = new PacketCapture(scene.Net.Net, "left");
        using var there = scene.Net.RightHost.Start($"ping -q -i 0.01 -s 200 {LabNet.LeftHostAddress}");
        using var back = scene.Net.LeftHost.Start($"ping -q -i 0.01 -s 200 {LabNet.RightHostAddress}");
        var quiet = scene.Peer.Log.Length;
        for (var death = 0; death < deaths; death++)
        {
            Thread.Sleep(700 + (death * 137));
            scene.Gateway.Vanish();
            scene.Gateway.StartAgain();
            scene.Carries();
            Assert.Equal((ike, child), (scene.IkeSpis(), scene.ChildSpis()));
        }

        there.Terminate();
        back.Terminate();
        scene.Agree();
        var log = scene.Peer.Log[quiet..];
        foreach (var word in _disturbances) Assert.DoesNotContain(word, log, StringComparison.Ordinal);

        // The IKE SA is alive in both directions: each side rekeys the child.
        scene.Gateway.RekeyChild();
        Netns.Await(() => scene.ChildSpis() is var now && now != child && now != ("", ""), "the gateway rekeys the child");
        scene.Agree();
        child = scene.ChildSpis();
        scene.Peer.RekeyChild();
        Netns.Await(() => scene.ChildSpis() is var now && now != child && now != ("", ""), "the peer rekeys the child");
        scene.Carries();
        Assert.Equal(ike, scene.IkeSpis());
        capture.Stop();
        var wire = Wire.Read(capture.File);
        wire.AssertNoSequenceTwice();
        wire.AssertNoIvTwice();
        // Nothing of the protected networks ever crossed in clear.
        Assert.DoesNotContain(wire.Clear, p => p.From.ToString().StartsWith("10.", StringComparison.Ordinal) || p.To.ToString().StartsWith("10.", StringComparison.Ordinal));
        Assert.Contains("\"intact\": true", scene.Gateway.MustCli("verify", "--json"), StringComparison.Ordinal);
    });

    [Fact]
    [Trait("set", "quick")]
    public void A_killed_gateway_goes_on_once() => A_killed_gateway_goes_on_with_the_same_SAs(Role.GatewayInitiates, 1);

    [Fact]
    public void Packets_that_were_captured_before_the_crash_are_refused_after_it() => Scene.Play(new LabCase(), Role.GatewayResponds, scene =>
    {
        scene.ComesUp();
        using var capture = new PacketCapture(scene.Net.Net, "left");
        for (var i = 0; i < 20; i++) scene.Net.RightHost.Try($"ping -q -c 1 -W 1 {LabNet.LeftHostAddress}");
        capture.Stop();
        scene.Gateway.Vanish();
        scene.Gateway.StartAgain();
        var replayed = Wire.Read(capture.File).Esp.Where(p => p.From.ToString() == LabNet.RightAddress).ToList();
        Assert.True(replayed.Count >= 10, $"{replayed.Count} packets were captured");
        var before = Inbound(scene);
        scene.Net.Net.Run(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw);
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.HeaderIncluded, true);
            foreach (var packet in replayed) socket.SendTo(packet.Ip, new IPEndPoint(IPAddress.Parse(LabNet.LeftAddress), 0));
        });
        Netns.Await(() => Replays(scene) >= replayed.Count, "all of them are counted as replayed");
        Assert.Equal(before, Inbound(scene));
        scene.Carries();
    });

    [Fact]
    public void Learned_neighbors_are_known_again_before_they_say_anything() => Scene.Play(new LabCase(), Role.GatewayResponds, scene =>
    {
        scene.ComesUp();
        Thread.Sleep(1500); // they are saved every second
        scene.Gateway.Vanish();
        // Nobody answers or asks any more.
        scene.Net.LeftHost.Must("ip link set eth0 arp off");
        scene.Net.Net.Must("ip link set left arp off");
        scene.Gateway.StartAgain();
        var known = scene.Gateway.Get("/v1/show/neighbors").Deserialize<NeighborRow[]>(ApiJson.Options)!;
        Assert.Contains(known, n => n.Address == LabNet.LeftHostAddress && n.Mac == scene.Net.LeftHost.Mac("eth0"));
        Assert.Contains(known, n => n.Address == LabNet.LeftNextHop && n.Mac == scene.Net.Net.Mac("left"));
    });

    [Fact]
    public void After_another_boot_nothing_goes_on_and_the_peer_is_told() => NothingGoesOn(scene =>
    {
        // What the vault holds of the boot under which it was written.
        using var file = File.OpenHandle(scene.Gateway.In("vault"), FileMode.Open, FileAccess.Write);
        RandomAccess.Write(file, Guid.NewGuid().ToByteArray(), 32);
    }, "started anew");

    [Fact]
    public void With_an_older_vault_put_back_in_place_nothing_goes_on() => NothingGoesOn(scene => Copy(scene, "older", "vault"), "was written to after");

    [Fact]
    public void With_an_older_vault_moved_to_its_place_nothing_goes_on() =>
        NothingGoesOn(scene => File.Move(scene.Gateway.In("older"), scene.Gateway.In("vault"), overwrite: true), "a copy");

    [Fact]
    public void Without_the_key_encryption_key_the_gateway_says_so_and_does_not_start() => Scene.Play(new LabCase(), Role.GatewayResponds, scene =>
    {
        scene.ComesUp();
        scene.Gateway.Vanish();
        File.Delete(scene.Gateway.In("vault.key"));
        var error = Assert.Throws<InvalidOperationException>(scene.Gateway.StartAgain);
        Assert.Contains("vault.key is missing; without it nothing in the vault can be read", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(scene.Gateway.In("vault.key")));
    });

    private static void NothingGoesOn(Action<Scene> tamper, string said) => Scene.Play(new LabCase(), Role.GatewayResponds, scene =>
    {
        scene.ComesUp();
        var (ike, quiet) = (scene.IkeSpis(), scene.Peer.Log.Length);
        Copy(scene, "vault", "older");
        scene.Carries();
        Thread.Sleep(4000); // longer than the pulse and what it may be late
        scene.Gateway.Vanish();
        tamper(scene);
        scene.Gateway.StartAgain();
        Assert.Contains(said, scene.Gateway.Log, StringComparison.Ordinal);
        Netns.Await(() => scene.IkeSpis() is var now && now != ike && now != ("", ""), "the gateway sets the SA up anew, though it had been called", 60);
        Assert.Contains("INIT_CONTACT", scene.Peer.Log[quiet..], StringComparison.Ordinal);
        scene.Agree();
        scene.Carries();
        Assert.Contains("ike.sa-lost", scene.Gateway.MustCli("history", "--json"), StringComparison.Ordinal);
    });

    // Not File.Copy, which respects the gateway's lock.
    private static void Copy(Scene scene, string from, string to) => Shell.Must("cp", ["--sparse=always", scene.Gateway.In(from), scene.Gateway.In(to)]);

    private static ulong Inbound(Scene scene) => Assert.Single(Assert.Single(scene.Gateway.Get("/v1/show/sas").Deserialize<SaRow[]>(ApiJson.Options)!).Children).PacketsIn;

    private static int Replays(Scene scene) => (int)scene.Gateway.Get("/v1/show/counters").Deserialize<CounterRow[]>(ApiJson.Options)!
        .Where(c => c.Name is "repeated" or "too-old" or "replayed").Sum(c => (long)c.Value);
}
