using System.Runtime.InteropServices;

namespace Gateway.Host.Api.Interop;

/// <summary>The process's file mode creation mask.</summary>
internal static partial class FileMask
{
    /// <summary>Sets it and returns the one before.</summary>
    public static int Set(int mask) => umask(mask);

    [LibraryImport("libc")]
    private static partial int umask(int mask);
}
