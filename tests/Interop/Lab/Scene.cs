using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Lab;

/// <summary>Who sets the SA up when a gateway meets a strongSwan.</summary>
public enum Role
{
    /// <summary>The gateway (left) is called by strongSwan (right).</summary>
    GatewayResponds,

    /// <summary>The gateway (left) calls strongSwan (right).</summary>
    GatewayInitiates,

    /// <summary>The gateway (right) calls strongSwan (left): the place behind a translator.</summary>
    GatewayInitiatesFromTheRight,
}

/// <summary>Network, gateway and peer of one case. What both logged is shown when the case fails.</summary>
public sealed class Scene : IDisposable
{
    private readonly Role _role;

    private Scene(LabCase lab, Role role, Underlay underlay)
    {
        _role = role;
        var left = role != Role.GatewayInitiatesFromTheRight;
        Net = new LabNet(underlay, leftIsBare: left, rightIsBare: !left);
        try
        {
            Gateway = left ? new GatewayProcess(Net.Left, Place.Left, lab.LeftConf()) : new GatewayProcess(Net.Right, Place.Right, lab.RightConf());
            Peer = left ? new StrongSwanPeer(Net.Right, lab.RightConf()) : new StrongSwanPeer(Net.Left, lab.LeftConf());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public LabNet Net { get; }

    public GatewayProcess Gateway { get; } = null!;

    public StrongSwanPeer Peer { get; } = null!;

    public ILabSide Initiator => _role == Role.GatewayResponds ? Peer : Gateway;

    public ILabSide Responder => _role == Role.GatewayResponds ? Gateway : Peer;

    /// <summary>Plays a case; both logs go to the test's output when it fails.</summary>
    public static void Play(LabCase lab, Role role, Action<Scene> play, Underlay underlay = Underlay.Plain)
    {
        using var scene = new Scene(lab, role, underlay);
        try
        {
            play(scene);
        }
        catch
        {
            var output = TestContext.Current.TestOutputHelper;
            output?.WriteLine($"--- gateway\n{scene.Gateway.Account()}\n--- strongSwan\n{scene.Peer.Log}");
            throw;
        }
    }

    /// <summary>Sets the connection up, and sees that both sides mean the same SA and that packets cross it both ways.</summary>
    public void ComesUp()
    {
        Assert.True(Initiator.Initiate(out var said), said);
        Carries();
        Agree();
    }

    /// <summary>Hosts on both sides reach each other.</summary>
    public void Carries(string left = LabNet.LeftHostAddress, string right = LabNet.RightHostAddress)
    {
        Assert.True(Net.Pings(left), "the right host reaches the left one");
        Assert.True(Net.PingsBack(right), "the left host reaches the right one");
    }

    /// <summary>Both sides report one and the same CHILD SA crosswise.</summary>
    public void Agree()
    {
        Netns.Await(
            () => Gateway.Sas() is [{ Established: true, Children: [{ Installed: true } ours] } a] && Peer.Sas() is [{ Established: true, Children: [{ Installed: true } theirs] } b]
                && (a.InitiatorSpi, a.ResponderSpi) == (b.InitiatorSpi, b.ResponderSpi) && (ours.SpiIn, ours.SpiOut) == (theirs.SpiOut, theirs.SpiIn),
            "both sides report the same one IKE SA and CHILD SA");
    }

    /// <summary>The SPIs of the one child, as the gateway sees them.</summary>
    public (string In, string Out) ChildSpis() => Gateway.Sas() is [{ Children: [var child] }] ? (child.SpiIn, child.SpiOut) : ("", "");

    /// <summary>The SPIs of the one IKE SA, as the gateway sees them.</summary>
    public (string Initiator, string Responder) IkeSpis() => Gateway.Sas() is [var sa] ? (sa.InitiatorSpi, sa.ResponderSpi) : ("", "");

    public void Dispose()
    {
        Gateway?.Dispose();
        Peer?.Dispose();
        Net.Dispose();
    }
}
