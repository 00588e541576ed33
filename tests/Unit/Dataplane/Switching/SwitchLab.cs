using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Unit.Dataplane.Packets;

namespace Gateway.Unit.Dataplane.Switching;

/// <summary>A gateway whose in-memory ports a test makes and steps by hand; frames go in and come out as bytes.</summary>
internal sealed class SwitchLab(int workers = 1, int buffers = 4096) : IDisposable
{
    private readonly Dictionary<string, InMemoryPort> _ports = [];

    public DataplaneControl Control { get; } = new(new DataplaneOptions { Buffers = buffers, Workers = workers, Hugepages = false });

    public SwitchControl Switching => Control.Switching;

    public InMemoryPort this[string name] => _ports[name];

    public uint Index(string name) => Control.TryFindInterface(name, out var index) ? index : throw new InvalidOperationException(name);

    /// <summary>An Ethernet port with MAC address 02:00:00:00:00:NN.</summary>
    public uint Port(string name, byte number, int mtu = 1500, uint vrf = 0)
    {
        var port = _ports[name] = new InMemoryPort(Control.Pool);
        return Control.AddInterface(new InterfaceSettings { Name = name, Type = "in-memory", Mac = new PhysicalAddress([2, 0, 0, 0, 0, number]), Mtu = mtu, Vrf = vrf }, port);
    }

    public void Remove(string name)
    {
        Control.RemoveInterface(Index(name));
        _ports.Remove(name);
    }

    public uint Loopback(string name, params InterfaceAddress[] addresses)
    {
        var index = Control.AddInterface(new InterfaceSettings { Name = name, Type = "loopback" });
        Control.SetAddresses(index, addresses);
        return index;
    }

    public static byte[] Mac(byte number) => [2, 0, 0, 0, 1, number];

    public static byte[] Broadcast { get; } = [255, 255, 255, 255, 255, 255];

    /// <summary>A frame of a made-up protocol between two stations, so long that no padding matters.</summary>
    public static byte[] Frame(byte[] to, byte[] from, int length = 64) => Build.Ethernet(to, from, 0x88B5, Build.Bytes(length - 14, length));

    /// <summary>Puts tags behind the addresses of a frame.</summary>
    public static byte[] Tagged(byte[] frame, params (int Protocol, int Tci)[] tags) =>
        [.. frame[..12], .. tags.SelectMany(t => (byte[])[(byte)(t.Protocol >> 8), (byte)t.Protocol, (byte)(t.Tci >> 8), (byte)t.Tci]), .. frame[12..]];

    public void Send(string port, byte[] frame)
    {
        if (!_ports[port].Offer(frame)) throw new InvalidOperationException("The test's pool is empty.");
        Step();
    }

    public void Step()
    {
        for (var again = true; again;)
        {
            again = false;
            foreach (var worker in Control.Workers) again |= worker.Step();
            Control.TakeNews();
        }
    }

    /// <summary>The frames that left by a port since it was last asked.</summary>
    public List<byte[]> Sent(string port)
    {
        List<byte[]> frames = [];
        while (_ports[port].CollectBytes() is { } bytes) frames.Add(bytes);
        return frames;
    }

    /// <summary>The ports by which frames left, each as often as it did.</summary>
    public List<string> Left() => [.. _ports.Keys.Order(StringComparer.Ordinal).SelectMany(p => Sent(p).Select(_ => p))];

    public ulong Count(string name) => Control.Counters(withZeros: true).Single(c => $"{c.Node}/{c.Name}" == name).Value;

    public List<string> Drops() => [.. Control.Counters().Where(c => c.IsDrop).Select(c => $"{c.Node}/{c.Name}={c.Value}")];

    public PacketPool Pool => Control.Pool;

    public void Dispose() => Control.Dispose();
}
