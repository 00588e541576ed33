using System.Runtime.InteropServices;

namespace Gateway.Host.Api.Interop;

/// <summary>The user that this process runs as.</summary>
internal static partial class OwnUser
{
    /// <summary>The effective uid.</summary>
    public static uint Id => geteuid();

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
