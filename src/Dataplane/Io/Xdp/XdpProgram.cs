using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Xdp;

/// <summary>
/// The XDP program on a device: it gives what arrives at a receive queue to that queue's socket. It lives as long as this object, or the process.
/// <code>
/// r2 = context.rx_queue_index
/// r1 = map
/// r3 = XDP_PASS            what becomes of a packet whose queue has no socket: the kernel, which is silenced, drops it
/// call bpf_redirect_map
/// exit
/// </code>
/// </summary>
internal sealed class XdpProgram : IDisposable
{
    private const uint _skbMode = 2, _driverMode = 4;

    private readonly Descriptor _map;
    private readonly Descriptor _program;
    private Descriptor? _link;

    public XdpProgram(int queues)
    {
        _map = Bpf.CreateSocketMap(queues);
        try
        {
            _program = Bpf.LoadXdpProgram(Instructions((uint)_map.Number));
        }
        catch
        {
            _map.Dispose();
            throw;
        }
    }

    /// <summary>Whether it runs in the driver, before the kernel makes a packet of its own of what arrived.</summary>
    public bool IsNative { get; private set; }

    public void SetSocket(int queue, Descriptor socket) => Bpf.SetSocket(_map, (uint)queue, socket);

    /// <summary>Attaches it in the driver, or (in skb mode) behind it; packets arrive from here on.</summary>
    public void Attach(int device, bool native)
    {
        _link = Bpf.AttachXdp(_program, device, native ? _driverMode : _skbMode);
        IsNative = native;
    }

    public void Dispose()
    {
        _link?.Dispose();
        _program.Dispose();
        _map.Dispose();
    }

    /// <summary>One instruction is eight bytes: operation, registers (destination low, source high), offset, constant.</summary>
    private static ulong[] Instructions(uint map)
    {
        const uint xdpPass = 2, redirectMap = 51, queueIndex = 16, fromMap = 1;
        return
        [
            Instruction(0x61, 2, 1, queueIndex, 0),
            Instruction(0x18, 1, fromMap, 0, map),
            0,
            Instruction(0xB7, 3, 0, 0, xdpPass),
            Instruction(0x85, 0, 0, 0, redirectMap),
            Instruction(0x95, 0, 0, 0, 0),
        ];
    }

    private static ulong Instruction(byte operation, uint destination, uint source, uint offset, uint constant) =>
        operation | (ulong)destination << 8 | (ulong)source << 12 | (ulong)offset << 16 | (ulong)constant << 32;
}
