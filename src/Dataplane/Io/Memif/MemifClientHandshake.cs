using System.Numerics;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Memif;

/// <summary>The client's side of connecting: takes what the server offers, makes memory with rings and buffers, and gives it piece by piece, each after the one before was acknowledged.</summary>
internal sealed class MemifClientHandshake(PortSpec.Memif spec) : IDisposable
{
    private const uint _page = 4096, _line = 64;
    private readonly Queue<(MemifMessage Message, Descriptor? Carried)> _toSay = [];
    private MemifRegion? _region;
    private MemifRing[] _receive = [], _transmit = [];
    private string _peer = "";
    private bool _done;

    /// <summary>The connection, once the server has confirmed it; the caller's to dispose.</summary>
    public MemifLink? Link { get; private set; }

    /// <summary>Takes a message of the server; the reply, null none, is to be sent with its descriptor, which stays the handshake's.</summary>
    public MemifFault Step(MemifMessage message, out MemifMessage? reply, out Descriptor? carried)
    {
        (reply, carried) = (null, null);
        switch (message)
        {
            case MemifMessage.Hello hello when _region is null:
                if (hello.MinVersion > MemifMessage.Version || hello.MaxVersion < MemifMessage.Version) return MemifFault.Version;
                _peer = hello.Name;
                if (!Prepare(hello)) return MemifFault.NoSignals;
                break;
            case MemifMessage.Ack when _toSay.Count > 0:
                break;
            case MemifMessage.Connected connected when _region is not null && _toSay.Count == 0:
                return Finish(connected);
            default:
                return message is MemifMessage.Disconnect ? MemifFault.PeerLeft : MemifFault.Unexpected;
        }

        (reply, carried) = _toSay.Dequeue();
        return MemifFault.None;
    }

    /// <summary>Frees the memory, unless it went over to <see cref="Link"/>.</summary>
    public void Dispose()
    {
        if (_done) return;
        _done = true;
        foreach (MemifRing ring in (MemifRing[])[.. _receive, .. _transmit]) ring.Wake.Dispose();
        _region?.Dispose();
    }

    private bool Prepare(MemifMessage.Hello hello)
    {
        int log2Size = Math.Min(BitOperations.Log2((uint)spec.RingSize), hello.MaxLog2Size);
        int toServer = Math.Min(spec.Queues, hello.LastClientRing + 1), toClient = Math.Min(spec.Queues, hello.LastServerRing + 1);
        try
        {
            MakeRings(log2Size, toServer, toClient);
        }
        catch (IOException)
        {
            return false;
        }

        _toSay.Enqueue((new MemifMessage.Init(MemifMessage.Version, spec.Id, 0, "gateway"), null));
        _toSay.Enqueue((new MemifMessage.AddRegion(0, _region!.Bytes), _region.Fd));
        for (int i = 0; i < toServer; i++) _toSay.Enqueue((new MemifMessage.AddRing(true, (ushort)i, 0, RingOffset(i, log2Size), (byte)log2Size, 0), _transmit[i].Wake));
        for (int i = 0; i < toClient; i++) _toSay.Enqueue((new MemifMessage.AddRing(false, (ushort)i, 0, RingOffset(toServer + i, log2Size), (byte)log2Size, 0), _receive[i].Wake));
        _toSay.Enqueue((new MemifMessage.Connect("gateway"), null));
        return true;
    }

    /// <summary>One region: all rings, then on a page of their own all buffers, ring by ring.</summary>
    private unsafe void MakeRings(int log2Size, int toServer, int toClient)
    {
        int count = toServer + toClient;
        uint firstBuffer = (RingOffset(count, log2Size) + _page - 1) & ~(_page - 1);
        uint buffersOfRing = (uint)spec.BufferSize << log2Size;
        _region = MemifRegion.Create(firstBuffer + (ulong)count * buffersOfRing);
        List<MemifRing> rings = [];
        for (int i = 0; i < count; i++)
        {
            uint offset = firstBuffer + (uint)i * buffersOfRing;
            MemifRing ring = new(_region.Memory + RingOffset(i, log2Size), log2Size, MemifCalls.MakeEvent(), _region.Memory + offset, (uint)spec.BufferSize, offset);
            ring.Mark();
            rings.Add(ring);
            (_transmit, _receive) = ([.. rings.Take(toServer)], [.. rings.Skip(toServer)]);
        }
    }

    private static uint RingOffset(int ring, int log2Size) => (uint)ring * ((MemifRing.BytesOf(log2Size) + _line - 1) & ~(_line - 1));

    private MemifFault Finish(MemifMessage.Connected connected)
    {
        try
        {
            Link = new MemifLink([_region!], _receive, _transmit, connected.Name.Length > 0 ? connected.Name : _peer);
            _done = true;

            // Not earlier: a server may begin with setting every head and tail to zero, as DPDK's does.
            foreach (MemifRing ring in _receive) ring.Give((int)ring.Size);
            return MemifFault.None;
        }
        catch (IOException)
        {
            return MemifFault.NoSignals;
        }
    }
}
