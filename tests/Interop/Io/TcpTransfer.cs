using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>Sends 20 MB of random bytes from one kernel to another over TCP and compares checksums at both ends.</summary>
internal static class TcpTransfer
{
    private const string _give = "data=os.urandom(20<<20); c.sendall(data); c.shutdown(socket.SHUT_WR); print(zlib.crc32(data)); c.recv(1)";
    private const string _take = "crc=0\nwhile True:\n  p=c.recv(1<<20)\n  if not p: break\n  crc=zlib.crc32(p,crc)\nprint(crc); c.close()";

    /// <param name="from">Connects, and sends unless <paramref name="reverse"/>.</param>
    /// <param name="to">Listens on <paramref name="address"/>.</param>
    public static void Run(Netns from, Netns to, string address, bool reverse = false, int port = 6000)
    {
        string family = address.Contains(':', StringComparison.Ordinal) ? "AF_INET6" : "AF_INET";
        string open = $"\nimport socket,zlib,os\ns=socket.socket(socket.{family}); s.settimeout(30)\n";
        string listen = $"s.setsockopt(1,2,1); s.bind((\"{address}\",{port})); s.listen(1); print(\"ready\")\nc,_=s.accept(); c.settimeout(30)\n";
        using BackgroundProcess server = to.Start($"python3 -u -c '{open}{listen}{(reverse ? _give : _take)}'");
        Netns.Await(() => server.Output.Contains("ready", StringComparison.Ordinal) || server.HasExited, "the server listens");
        ShellResult client = from.Try($"python3 -c '{open}c=s; c.connect((\"{address}\",{port}))\n{(reverse ? _take : _give)}'", 60);
        Assert.True(client.Ok, client.Output);
        Assert.Equal(0, server.WaitForExit(30));
        Assert.Equal("ready\n" + client.Output.Trim(), server.Output.Trim());
    }
}
