using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;

namespace Gateway.Bench.Harness;

/// <summary>Writes the frame with this number of a round where a port would put it.</summary>
/// <returns>Its length in bytes.</returns>
internal unsafe delegate int FrameWriter(int number, byte* frame);

/// <summary>The same 256 packets again and again through a gateway, from one in-memory port to another. Writing them is aside, giving and taking them counts.</summary>
internal sealed unsafe class PacketLoop : IDisposable
{
    internal const int Count = 256;

    /// <summary>Packets that wait for something in the gateway come out a few steps later.</summary>
    private const int MostSteps = 100;

    private readonly DataplaneControl _control;
    private readonly InMemoryPort _in;
    private readonly InMemoryPort _out;
    private readonly FrameWriter _write;
    private readonly uint[] _packets = new uint[Count];

    /// <summary>Where a frame begins in each chunk of the pool; packets come back in another order, and from other places.</summary>
    private readonly Dictionary<uint, ushort> _offsets = [];

    internal PacketLoop(DataplaneControl control, InMemoryPort @in, InMemoryPort @out, FrameWriter write)
    {
        (_control, _in, _out, _write) = (control, @in, @out, write);
        Settle();
        if (control.Pool.Allocate(_packets) != Count) throw new InvalidOperationException("The benchmark's pool is too small.");
        foreach (var index in _packets)
        {
            _offsets[index] = control.Pool.Meta(index)->Offset;
            // What no writer writes is the same in every run.
            new Span<byte>(control.Pool.Data(index), PacketPool.ChunkSize - _offsets[index]).Clear();
        }
    }

    internal Aside Aside { get; } = new();

    internal Contender Contender(string name) => new(name, Run) { Aside = Aside };

    /// <summary>Each time 256 packets.</summary>
    internal void Run(int times)
    {
        var worker = _control.Workers[0];
        for (; times > 0; times--)
        {
            Aside.Begin();
            for (var i = 0; i < Count; i++) Write(i);
            Aside.End();
            if (_in.Offer(_packets) != Count) throw new InvalidOperationException("The benchmark's port is full.");
            var came = 0;
            for (var steps = 0; came < Count && steps < MostSteps; steps++)
            {
                worker.Step();
                came += _out.Collect(_packets.AsSpan(came));
            }

            if (came != Count) throw new InvalidOperationException($"The gateway dropped packets of the benchmark: {string.Join(", ", _control.Counters())}");
        }
    }

    public void Dispose() => _control.Pool.Free(_packets);

    /// <summary>Lets the worker take its ports and throws away what a new gateway says of itself.</summary>
    private void Settle()
    {
        for (var i = 0; i < 10; i++)
        {
            _control.Workers[0].Step();
            while (_in.CollectBytes() is not null || _out.CollectBytes() is not null)
            {
            }
        }
    }

    private void Write(int number)
    {
        var index = _packets[number];
        var meta = _control.Pool.Meta(index);
        *meta = default;
        meta->Offset = _offsets[index];
        meta->Length = (ushort)_write(number, _control.Pool.Data(index));
        meta->TotalLength = meta->Length;
    }
}
