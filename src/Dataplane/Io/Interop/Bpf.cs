using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>The four calls of bpf(2) that a port needs. Its arguments are one structure whose fields depend on the command; unused bytes must be zero.</summary>
internal static unsafe partial class Bpf
{
    private const int _createMap = 0, _updateElement = 2, _loadProgram = 5, _createLink = 28;
    private const int _attributesLength = 128;
    private const uint _xdpProgram = 6, _xdpAttach = 37;

    // bpf has no wrapper in the C library.
    private static readonly long _number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 280 : 321;

    /// <summary>A map from a receive queue's number to the AF_XDP socket that takes what arrives there.</summary>
    public static Descriptor CreateSocketMap(int entries)
    {
        const uint socketMap = 17;
        uint* a = Clear(stackalloc byte[_attributesLength]);
        (a[0], a[1], a[2], a[3]) = (socketMap, sizeof(uint), sizeof(uint), (uint)entries);
        return Open(_createMap, a, "bpf map of sockets");
    }

    public static void SetSocket(Descriptor map, uint queue, Descriptor socket)
    {
        uint* a = Clear(stackalloc byte[_attributesLength]);
        int value = socket.Number;
        a[0] = (uint)map.Number;
        ((ulong*)a)[1] = (ulong)(nint)(&queue);
        ((ulong*)a)[2] = (ulong)(nint)(&value);
        if (syscall(_number, _updateElement, (nint)a, _attributesLength) < 0) throw Libc.Failure("bpf map entry of a socket");
    }

    public static Descriptor LoadXdpProgram(ReadOnlySpan<ulong> instructions)
    {
        uint* a = Clear(stackalloc byte[_attributesLength]);
        fixed (ulong* i = instructions)
        fixed (byte* license = "GPL\0"u8)
        {
            (a[0], a[1]) = (_xdpProgram, (uint)instructions.Length);
            ((ulong*)a)[1] = (ulong)(nint)i;
            ((ulong*)a)[2] = (ulong)(nint)license;
            a[17] = _xdpAttach;
            return Open(_loadProgram, a, "bpf program");
        }
    }

    /// <summary>Attaches a program to a device for as long as the returned descriptor is open, so that a killed process leaves nothing.</summary>
    public static Descriptor AttachXdp(Descriptor program, int device, uint mode)
    {
        uint* a = Clear(stackalloc byte[_attributesLength]);
        (a[0], a[1], a[2], a[3]) = ((uint)program.Number, (uint)device, _xdpAttach, mode);
        return Open(_createLink, a, "bpf attach of the XDP program");
    }

    private static uint* Clear(Span<byte> attributes)
    {
        attributes.Clear();
        return (uint*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(attributes));
    }

    private static Descriptor Open(int command, uint* attributes, string what)
    {
        long fd = syscall(_number, command, (nint)attributes, _attributesLength);
        return fd >= 0 ? new Descriptor((int)fd) : throw Libc.Failure(what);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial long syscall(long number, nint command, nint attributes, nint size);
}
