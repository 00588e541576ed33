using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>The kernel refused an operation on a device or address.</summary>
public sealed class KernelException(string operation, int errno)
    : IOException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{operation}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})."))
{
    /// <summary>What was tried.</summary>
    public string Operation { get; } = operation;

    /// <summary>The kernel's error number.</summary>
    public int Errno { get; } = errno;

    internal bool IsPermission => Errno is Errors.Perm or Errors.Access;
}

/// <summary>Error numbers of Linux that are told apart here.</summary>
internal static class Errors
{
    public const int Perm = 1, NoEntry = 2, NoSuchProcess = 3, Again = 11, Access = 13, Busy = 16, Exists = 17, NoDevice = 19, Invalid = 22, NotSupported = 95,
        NoBuffers = 105, NetDown = 100, AddressNotAvailable = 99, NoDeviceOrAddress = 6, BadFdState = 77, Io = 5, Interrupted = 4, NetUnreachable = 101;
}
