using System.Net;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>A UDP datagram on the wire.</summary>
internal sealed record Packet(IPEndPoint From, IPEndPoint To, byte[] Payload)
{
    /// <summary>When it arrives.</summary>
    public Timestamp At { get; init; }

    /// <summary>On the NAT traversal port (or from a NAT that hides it) the message stands behind four zero octets.</summary>
    public byte[] Message => Payload.Length > 4 && Payload.AsSpan(0, 4).IndexOfAnyExcept((byte)0) < 0 ? Payload[4..] : Payload;

    public IkeHeader? Header => IkeHeader.TryParse(Message, out var header, out _) ? header : null;

    public override string ToString() => Header is { } h
        ? $"{From} -> {To} {h.Exchange} {h.MessageId} {(h.IsRequest ? "request" : "response")} ({Payload.Length})"
        : $"{From} -> {To} ({Payload.Length} octets)";
}

/// <summary>Two peers, a virtual clock, and a network that does what the test says.</summary>
internal sealed class Lab : IDisposable
{
    private readonly List<Packet> _inFlight = [];

    public Lab(IkeSettings? left = null, IkeSettings? right = null, int seed = 1, bool resumesAtEveryStep = true)
    {
        ResumesAtEveryStep = resumesAtEveryStep;
        Left = new Peer(this, "left", IPAddress.Parse("192.0.2.1"), seed, left ?? new IkeSettings());
        Right = new Peer(this, "right", IPAddress.Parse("198.51.100.2"), seed + 1000, right ?? new IkeSettings());
    }

    public Peer Left { get; }

    public Peer Right { get; }

    public Timestamp Now { get; private set; } = new(1_000_000);

    /// <summary>Sends every state through its stored form between two steps.</summary>
    public bool ResumesAtEveryStep { get; }

    /// <summary>What the network makes of a packet: itself, nothing, several, changed.</summary>
    public Func<Packet, IEnumerable<Packet>> Path { get; set; } = p => [p];

    public List<string> Trace { get; } = [];

    /// <summary>Every ESP packet that was ever sent: RFC 4106 §3.1, no number twice under a key.</summary>
    public HashSet<(Octets Key, ulong Sequence)> EspSent { get; } = [];

    /// <summary>Every datagram that was ever sent.</summary>
    public List<Packet> Sent { get; } = [];

    public int InFlight => _inFlight.Count;

    public static ConnectionSpec Spec(string localId, string remoteId, string local, string remote, string localTs, string remoteTs) => new()
    {
        LocalAddrs = [local],
        RemoteAddrs = [remote],
        Proposals = ["aes128gcm16-prfsha256-x25519"],
        Local = [new AuthenticationRound { Id = localId }],
        Remote = [new AuthenticationRound { Id = remoteId }],
        Children = new Dictionary<string, ChildSpec>
        {
            ["net"] = new ChildSpec { LocalTs = [localTs], RemoteTs = [remoteTs], EspProposals = ["aes128gcm16-x25519"] },
        },
    };

    public static ConnectionSpec LeftSpec => Spec("left.lab", "right.lab", "192.0.2.1", "198.51.100.2", "10.1.0.0/24", "10.2.0.0/24");

    public static ConnectionSpec RightSpec => Spec("right.lab", "left.lab", "198.51.100.2", "192.0.2.1", "10.2.0.0/24", "10.1.0.0/24");

    public static ConnectionSpec WithChild(ConnectionSpec spec, Func<ChildSpec, ChildSpec> change, string name = "net") => spec with
    {
        Children = spec.Children.ToDictionary(c => c.Key, c => c.Key == name ? change(c.Value) : c.Value),
    };

    /// <summary>Both sides configured, with the same pre-shared key.</summary>
    public static Lab Configured(
        Func<ConnectionSpec, ConnectionSpec>? left = null, Func<ConnectionSpec, ConnectionSpec>? right = null,
        IkeSettings? leftSettings = null, IkeSettings? rightSettings = null, int seed = 1, bool resumesAtEveryStep = true)
    {
        var lab = new Lab(leftSettings, rightSettings, seed, resumesAtEveryStep);
        lab.Left.Share("a very common secret", "left.lab", "right.lab");
        lab.Right.Share("a very common secret", "left.lab", "right.lab");
        lab.Left.Configure(left?.Invoke(LeftSpec) ?? LeftSpec);
        lab.Right.Configure(right?.Invoke(RightSpec) ?? RightSpec);
        return lab;
    }

    /// <summary>Both sides configured alike, and up.</summary>
    public static Lab Up(Func<ConnectionSpec, ConnectionSpec>? both = null, IkeSettings? settings = null, int seed = 1, bool resumesAtEveryStep = true)
    {
        var lab = Configured(both, both, settings, settings, seed, resumesAtEveryStep);
        Assert.True(lab.Left.Initiate());
        lab.Deliver();
        lab.AssertUp();
        return lab;
    }

    public void Send(Peer sender, Packet packet)
    {
        Sent.Add(packet);
        foreach (var arrived in Path(packet))
        {
            Trace.Add($"{Now} {sender.Name} {arrived}");
            _inFlight.Add(arrived.At == default ? arrived with { At = Now } : arrived);
        }
    }

    /// <summary>Delivers what is in flight and what it causes, without any time passing.</summary>
    public void Deliver(int limit = 1000)
    {
        while (Step() && limit-- > 0)
        {
        }

        Assert.True(limit > 0, "The peers talk for ever.\n" + string.Join('\n', Trace.TakeLast(20)));
    }

    /// <summary>Delivers the next datagram; false when nothing is due.</summary>
    public bool Step(Peer? to = null)
    {
        var index = _inFlight.FindIndex(p => p.At <= Now && (to is null || Receiver(p) == to));
        if (index < 0) return false;
        var packet = _inFlight[index];
        _inFlight.RemoveAt(index);
        SendEsp();
        Arrive(packet);
        SendEsp();
        return true;
    }

    /// <summary>Takes the next datagram out of the network.</summary>
    public Packet Take(Peer? to = null)
    {
        var index = _inFlight.FindIndex(p => to is null || Receiver(p) == to);
        Assert.True(index >= 0, "Nothing is in flight.");
        var packet = _inFlight[index];
        _inFlight.RemoveAt(index);
        return packet;
    }

    public void LoseAll() => _inFlight.Clear();

    public void Arrive(Packet packet)
    {
        if (Receiver(packet) is not { } peer) return;
        peer.Do((now, outputs) => peer.Engine.Receive(packet.To, packet.From, packet.Payload, natt: packet.To.Port != 500, now, outputs));
    }

    /// <summary>Lets time pass, with all that happens in it.</summary>
    public void Run(TimeSpan time)
    {
        var end = Now + time;
        while (true)
        {
            Deliver();
            var next = new[] { Left.Engine.NextDeadline, Right.Engine.NextDeadline }.Concat(_inFlight.Select(p => (Timestamp?)p.At)).Where(t => t is not null).Min();
            if (next is not { } at || at > end) break;
            if (at > Now) Now = at;
            Left.Do((now, outputs) => Left.Engine.Advance(now, outputs));
            Right.Do((now, outputs) => Right.Engine.Advance(now, outputs));
        }

        Now = end;
    }

    public void Run(double seconds) => Run(TimeSpan.FromSeconds(seconds));

    /// <summary>One IKE SA on each side that matches, and CHILD SAs that cross.</summary>
    public void AssertUp(int children = 1)
    {
        var text = string.Join('\n', Trace);
        Assert.True(Left.Sas.Count == 1 && Right.Sas.Count == 1, $"{Left.Sas.Count} and {Right.Sas.Count} IKE SAs\n{text}");
        var (left, right) = (Left.Sas[0], Right.Sas[0]);
        Assert.True(left.State == "ESTABLISHED" && right.State == "ESTABLISHED", $"{left.State} {right.State}\n{text}");
        Assert.Equal((left.InitiatorSpi, left.ResponderSpi), (right.InitiatorSpi, right.ResponderSpi));
        Assert.NotEqual(left.Initiator, right.Initiator);
        Assert.True(children == Left.Installed.Count, $"{Left.Installed.Count} children on the left\n{text}");
        AssertCrossed();
    }

    /// <summary>RFC 7296 §2.17: what one side sends with is what the other receives with, SPI, key, selectors and all.</summary>
    public void AssertCrossed()
    {
        var text = string.Join('\n', Trace);
        Assert.True(Left.Installed.Count == Right.Installed.Count, $"{Left.Installed.Count} and {Right.Installed.Count} CHILD SAs\n{text}");
        foreach (var sa in Left.Installed.Values)
        {
            var other = Assert.Single(Right.Installed.Values, o => o.Parameters.InboundSpi == sa.Parameters.OutboundSpi);
            Assert.Equal(sa.Parameters.InboundSpi, other.Parameters.OutboundSpi);
            Assert.Equal(sa.OutboundKey, other.InboundKey);
            Assert.Equal(sa.InboundKey, other.OutboundKey);
            Assert.NotEqual(sa.InboundKey, sa.OutboundKey);
            Assert.Equal(sa.Parameters.LocalSelectors, other.Parameters.RemoteSelectors);
            Assert.Equal(sa.Parameters.RemoteSelectors, other.Parameters.LocalSelectors);
            Assert.Equal(sa.Parameters.Transforms, other.Parameters.Transforms);
            Assert.Equal(sa.Parameters.Esn, other.Parameters.Esn);
            Assert.Equal(sa.Parameters.Encapsulation is null, other.Parameters.Encapsulation is null);
        }

        foreach (var peer in new[] { Left, Right })
        {
            // No slot is left of what is gone: pre-shared keys, one per IKE SA, two per CHILD SA.
            Assert.Equal(peer.Secrets.Count + peer.Sas.Count + (2 * peer.Installed.Count), peer.Vault.Count);
            var owned = peer.Sas.SelectMany(s => s.Children).Select(c => c.Parameters.Id).Order(Comparer<ChildSaId>.Create((a, b) => a.Value.CompareTo(b.Value)));
            Assert.Equal(peer.Installed.Keys.Order(Comparer<ChildSaId>.Create((a, b) => a.Value.CompareTo(b.Value))), owned);
        }
    }

    public void AssertDown()
    {
        foreach (var peer in new[] { Left, Right })
        {
            Assert.True(peer.Sas.Count == 0, string.Join('\n', Trace));
            Assert.Empty(peer.Installed);
            Assert.Equal(peer.Secrets.Count, peer.Vault.Count);
            Assert.Null(peer.Engine.NextDeadline);
        }
    }

    /// <summary>Packets go over every SA that may send, now.</summary>
    public void SendEsp()
    {
        foreach (var packet in Left.SendEsp().Concat(Right.SendEsp()))
            Assert.True(EspSent.Add(packet), $"sequence number {packet.Sequence} is used twice\n{string.Join('\n', Trace.TakeLast(40))}");
    }

    /// <summary>The journal says of each side exactly what is there.</summary>
    public void AssertJournalsAreTrue()
    {
        foreach (var peer in new[] { Left, Right })
        {
            var inventory = peer.Inventory();
            Assert.Equal(peer.Sas.Where(s => s.State != "CONNECTING").Select(s => s.Id.Value).Order(), inventory.IkeSas.Keys);
            Assert.Equal(peer.Installed.Keys.Select(c => c.Value).Order(), inventory.ChildSas.Keys);
            foreach (var sa in peer.Sas)
                Assert.Equal(sa.Children.Select(c => c.Parameters.Id.Value).Order(), inventory.ChildrenOf(sa.Id).Select(c => c.Id.Value).Order());
        }
    }

    public void AssertNoFault() => Assert.True(Left.Engine.Drops(IkeDrop.Fault) + Right.Engine.Drops(IkeDrop.Fault) == 0, "a step threw an exception");

    /// <summary>RFC 5282 §3.1: no two different messages under one key with one IV. Retransmissions are the same octets.</summary>
    public void AssertNoNonceTwice()
    {
        foreach (var group in Sent.Where(p => p.Header is { Exchange: not ExchangeType.IkeSaInit }).GroupBy(p => (p.Header!.Spis, p.Header.FromInitiator, Iv(p))))
            Assert.Single(group.Select(p => new Octets(p.Message)).Distinct());

        static ulong Iv(Packet packet)
        {
            var message = packet.Message;
            var at = IkeHeader.Size + 4 + (message[16] == (byte)PayloadType.EncryptedFragment ? 4 : 0);
            return System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(message.AsSpan(at));
        }
    }

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }

    private Peer? Receiver(Packet packet) => new[] { Left, Right }.FirstOrDefault(p => packet.To.Address.Equals(p.Address) || p.Others.Contains(packet.To.Address));
}
