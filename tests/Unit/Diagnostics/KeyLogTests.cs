using System.Net;
using Gateway.Host.Diagnostics;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Diagnostics;

/// <summary>Keys are written only where both the environment and the configuration ask for it.</summary>
public sealed class KeyLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("keylog-").FullName;

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(KeyLog.Variable, null);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void One_of_the_two_alone_gives_no_keys_away()
    {
        Assert.Null(KeyLog.Open(configured: true));
        Environment.SetEnvironmentVariable(KeyLog.Variable, _folder);
        Assert.Null(KeyLog.Open(configured: false));
        Assert.NotNull(KeyLog.Open(configured: true));
    }

    [Fact]
    public void Both_directions_of_a_child_are_rows_of_esp_sa()
    {
        Environment.SetEnvironmentVariable(KeyLog.Variable, _folder);
        KeyLog.Open(configured: true)!.Log(
            new ChildSaParameters
            {
                Id = new ChildSaId(1),
                IkeSa = new IkeSaId(1),
                Connection = new ConnectionName("lab"),
                Child = new ChildName("net"),
                InboundSpi = new Spi(0xc0ffee01),
                OutboundSpi = new Spi(0x00000abc),
                LocalAddress = IPAddress.Parse("198.51.100.1"),
                RemoteAddress = IPAddress.Parse("203.0.113.2"),
                Transforms = new EspTransforms(20, 128),
                InboundKey = new KeyHandle(1),
                OutboundKey = new KeyHandle(2),
                LocalSelectors = [],
                RemoteSelectors = [],
            },
            [0xaa, 0xbb],
            [0xcc]);
        var path = Path.Combine(_folder, "esp_sa");
        Assert.Equal(
            [
                "\"IPv4\",\"203.0.113.2\",\"198.51.100.1\",\"0xc0ffee01\",\"AES-GCM with 16 octet ICV [RFC4106]\",\"0xaabb\",\"NULL\",\"0x\"",
                "\"IPv4\",\"198.51.100.1\",\"203.0.113.2\",\"0x00000abc\",\"AES-GCM with 16 octet ICV [RFC4106]\",\"0xcc\",\"NULL\",\"0x\"",
            ],
            File.ReadAllLines(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }
}
