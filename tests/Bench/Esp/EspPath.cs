using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gateway.Bench.Aead;
using Gateway.Bench.Harness;
using Gateway.Crypto.Aead;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Io;
using Gateway.Policy.Sa;

namespace Gateway.Bench.Esp;

/// <summary>Two gateways with a CHILD SA between them; the one that is measured is fed with the same packets again and again.</summary>
internal sealed unsafe class EspPath : IDisposable
{
    internal const int Count = PacketLoop.Count;

    private const int EthernetLength = 14, HeaderLength = EthernetLength + 28;
    private const string LeftLan = "10.1.0.2", RightLan = "10.2.0.2", LeftWan = "198.51.100.1", RightWan = "198.51.100.2";

    private static readonly byte[] _host = [2, 0, 0, 0, 0, 9];

    private readonly Side _left;
    private readonly Side _right;
    private readonly SaHotState* _hot = (SaHotState*)NativeMemory.AlignedAlloc(SaHotState.Bytes, 64);
    private readonly byte[][] _frames = new byte[Count][];
    private readonly PacketLoop _loop;
    private readonly bool _encrypt;
    private readonly OpenSslLoop? _openSsl;
    private readonly AesGcmKey _bareKey;
    private readonly NativePackets _bare;

    /// <summary>A gateway with its two ports.</summary>
    private sealed record Side(DataplaneControl Control, InMemoryPort Lan, InMemoryPort Wan) : IDisposable
    {
        public void Dispose() => Control.Dispose();
    }

    internal EspPath(int bits, int size, bool encrypt)
    {
        _encrypt = encrypt;
        *_hot = default;
        var key = RandomNumberGenerator.GetBytes((bits / 8) + 4);
        _left = NewSide("10.1.0.1", LeftLan, LeftWan, RightWan, 1);
        _right = NewSide("10.2.0.1", RightLan, RightWan, LeftWan, 2);
        Install(_left, LeftWan, RightWan, "10.1.0.0/24", "10.2.0.0/24", new Spi(0x1111), new Spi(0x2222), bits, key, null);
        Install(_right, RightWan, LeftWan, "10.2.0.0/24", "10.1.0.0/24", new Spi(0x2222), new Spi(0x1111), bits, key, _hot);

        var (measured, from, to) = encrypt ? (_left, _left.Lan, _left.Wan) : (_right, _right.Wan, _right.Lan);
        for (var i = 0; i < Count; i++) _frames[i] = Datagram(size, i);
        if (!encrypt) Encapsulate();
        _loop = new PacketLoop(measured.Control, from, to, Write);

        // The same work for the contender: the text with its trailer.
        var text = (size + 2 + 3) & ~3;
        _bareKey = AesGcmKey.Create(key.AsSpan(0, bits / 8));
        _bare = new NativePackets(Count, text, _ => _bareKey.Block, encrypt);
        if (!encrypt) _bare.EncryptOnce();
        _openSsl = OpenSslLoop.IsAvailable ? new OpenSslLoop(key.AsSpan(0, bits / 8), encrypt) : null;
    }

    internal IReadOnlyList<Contender> Contenders =>
        _openSsl is null ? [_loop.Contender(Contest.Gateway)] : [_loop.Contender(Contest.Gateway), new("openssl", n => _openSsl.Run(_bare.OpenSslJobs, Count, n))];

    public void Dispose()
    {
        _loop.Dispose();
        _left.Dispose();
        _right.Dispose();
        _openSsl?.Dispose();
        _bare.Dispose();
        _bareKey.Dispose();
        NativeMemory.AlignedFree(_hot);
    }

    private static Side NewSide(string lanAddress, string lanHost, string wanAddress, string peer, byte number)
    {
        var control = new DataplaneControl(new DataplaneOptions { Buffers = 2048 });
        var (lanPort, wanPort) = (new InMemoryPort(control.Pool), new InMemoryPort(control.Pool));
        var lan = control.AddInterface(new InterfaceSettings { Name = "lan", Type = "in-memory", Mac = new PhysicalAddress([2, 0, 0, 0, 1, number]) }, lanPort);
        var wan = control.AddInterface(new InterfaceSettings { Name = "wan", Type = "in-memory", Mac = new PhysicalAddress([2, 0, 0, 0, 2, number]) }, wanPort);
        control.SetAddresses(lan, [new InterfaceAddress(IPAddress.Parse(lanAddress), 24)]);
        control.SetAddresses(wan, [new InterfaceAddress(IPAddress.Parse(wanAddress), 24)]);
        control.AddNeighbor(lan, IPAddress.Parse(lanHost), new PhysicalAddress(_host));
        control.AddNeighbor(wan, IPAddress.Parse(peer), new PhysicalAddress([2, 0, 0, 0, 2, (byte)(3 - number)]));
        control.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse(peer) });
        var side = new Side(control, lanPort, wanPort);
        Settle(side);
        return side;
    }

    /// <summary>Lets the worker take its ports and throws away what a new gateway says of itself.</summary>
    private static void Settle(Side side)
    {
        for (var i = 0; i < 10; i++)
        {
            side.Control.Workers[0].Step();
            while (side.Lan.CollectBytes() is not null || side.Wan.CollectBytes() is not null)
            {
            }
        }
    }

    private static void Install(Side side, string local, string remote, string localTs, string remoteTs, Spi inbound, Spi outbound, int bits, byte[] key, SaHotState* hot)
    {
        if (!TrafficSelector.TryParse(localTs, out var here) || !TrafficSelector.TryParse(remoteTs, out var there)) throw new FormatException($"{localTs} {remoteTs}");
        var result = side.Control.Security.InstallSa(new SaInstall
        {
            Parameters = new ChildSaParameters
            {
                Id = new ChildSaId(1),
                IkeSa = new IkeSaId(1),
                Connection = new ConnectionName("bench"),
                Child = new ChildName("net"),
                InboundSpi = inbound,
                OutboundSpi = outbound,
                LocalAddress = IPAddress.Parse(local),
                RemoteAddress = IPAddress.Parse(remote),
                Transforms = new EspTransforms(20, (ushort)bits),
                InboundKey = default,
                OutboundKey = default,
                LocalSelectors = [here],
                RemoteSelectors = [there],
                ReplayWindow = 1024,
            },
            InboundKey = key,
            OutboundKey = key,
            HotState = (nint)hot,
        });
        if (result != SaInstallResult.Installed) throw new InvalidOperationException($"The benchmark's SA was refused: {result}.");
    }

    /// <summary>UDP from the host on the left to the host on the right.</summary>
    private static byte[] Datagram(int size, int number)
    {
        var frame = new byte[EthernetLength + size];
        RandomNumberGenerator.Fill(frame);
        byte[] head =
        [
            2, 0, 0, 0, 1, 1, .. _host, 8, 0,
            0x45, 0, (byte)(size >> 8), (byte)size, 0, 0, 0x40, 0, 64, 17, 0, 0, .. IPAddress.Parse(LeftLan).GetAddressBytes(), .. IPAddress.Parse(RightLan).GetAddressBytes(),
            0x10, (byte)number, 0x20, 0, (byte)((size - 20) >> 8), (byte)(size - 20), 0, 0,
        ];
        head.CopyTo(frame, 0);
        Ip4Checksum.Set(frame.AsSpan(EthernetLength));
        return frame;
    }

    /// <summary>Lets the left gateway make the packets for the right one.</summary>
    private void Encapsulate()
    {
        foreach (var frame in _frames) _left.Lan.Offer(frame);
        while (_left.Control.Workers[0].Step())
        {
        }
        for (var i = 0; i < Count; i++)
            _frames[i] = _left.Wan.CollectBytes() ?? throw new InvalidOperationException($"The gateway dropped packets of the benchmark: {string.Join(", ", _left.Control.Counters())}");
    }

    private int Write(int number, byte* frame)
    {
        // The numbers come again in every round, so the window is that of a new SA.
        if (number == 0) *_hot = default;
        // Encryption may run over what it made before; only the headers must be there again.
        var whole = _frames[number];
        var fresh = _encrypt ? whole.AsSpan(0, HeaderLength) : whole;
        fresh.CopyTo(new Span<byte>(frame, fresh.Length));
        return whole.Length;
    }
}
