using System.Net.Sockets;

namespace Gateway.Host.Api;

/// <summary>The file of a Unix socket that we are about to listen on.</summary>
internal static class UnixSocketFile
{
    /// <summary>Makes its folder, and removes what a crash left in its place.</summary>
    /// <exception cref="IOException">Somebody answers there.</exception>
    public static void RemoveStale(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (!File.Exists(path)) return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException)
        {
            File.Delete(path);
            return;
        }

        throw new IOException($"A gateway answers at {path} already.");
    }
}
