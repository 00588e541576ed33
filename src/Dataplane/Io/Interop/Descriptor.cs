using Microsoft.Win32.SafeHandles;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>A file descriptor that is closed exactly once.</summary>
internal sealed class Descriptor : SafeHandleMinusOneIsInvalid
{
    public Descriptor()
        : base(ownsHandle: true)
    {
    }

    public Descriptor(int fd)
        : base(ownsHandle: true) => SetHandle(fd);

    /// <summary>The number, for poll lists; valid while this object is not disposed.</summary>
    public int Number => (int)handle;

    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;
}
