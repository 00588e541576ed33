using System.Globalization;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Lab;

/// <summary>
/// A real strongSwan (Debian's 5.9.8) of the test's own inside a namespace: private /run, configuration, control socket and log.
/// ESP runs in user space (kernel-libipsec), which this version always encapsulates in UDP and for which it offers no ESN.
/// </summary>
public sealed class StrongSwanPeer : ILabSide
{
    private const string Charon = "/usr/lib/ipsec/charon";

    private static readonly string[] _folders =
        ["x509", "x509ca", "x509crl", "x509ocsp", "x509ac", "x509aa", "pubkey", "private", "rsa", "ecdsa", "pkcs8", "pkcs12", "conf.d"];

    private readonly Netns _ns;
    private readonly string _folder;
    private readonly BackgroundProcess _charon;

    /// <param name="ns">Where it runs.</param>
    /// <param name="conf">Its swanctl.conf.</param>
    /// <param name="retransmit">Its <c>retransmit_timeout</c>, <c>retransmit_tries</c> and <c>retransmit_base</c>.</param>
    /// <param name="files">Adds files to its swanctl folder before it starts.</param>
    /// <param name="logLevel">What it logs beside; 0 = only the ups and downs of SAs, and not flushed line by line.</param>
    public StrongSwanPeer(Netns ns, string conf, string retransmit = "retransmit_timeout = 1.0\n  retransmit_tries = 4", Action<string>? files = null, int logLevel = 2)
    {
        Assert.SkipUnless(File.Exists(Charon), "strongSwan is not installed (Debian packages strongswan-charon, strongswan-swanctl, libcharon-extra-plugins)");
        _ns = ns;
        _folder = Directory.CreateTempSubdirectory("gwss-").FullName;
        Directory.CreateDirectory(In("run"));
        foreach (var folder in _folders) Directory.CreateDirectory(In("swanctl/" + folder));
        File.WriteAllText(In("swanctl/swanctl.conf"), conf);
        files?.Invoke(In("swanctl"));
        File.WriteAllText(In("strongswan.conf"), $$"""
            charon {
              load = random nonce pem pkcs1 pkcs8 x509 pubkey revocation constraints openssl gmp curve25519 aesni aes sha1 sha2 mgf1 hmac kdf cmac gcm ccm ctr kernel-libipsec kernel-netlink socket-default resolve updown counters error-notify vici
              install_virtual_ip_on = lo
              port = 500
              port_nat_t = 4500
              {{retransmit}}
              filelog { log { path = {{In("charon.log")}}
                  default = {{Math.Min(logLevel, 1)}}
                  ike = {{logLevel}}
                  cfg = {{logLevel}}
                  flush_line = {{(logLevel > 0 ? "yes" : "no")}}
                } }
              plugins { vici { socket = unix://{{Socket}}
                } }
            }
            swanctl { socket = unix://{{Socket}}
            }
            """);
        // The folder of its pid file is compiled in; a private mount of /run (ip netns exec gives the mount namespace) keeps instances apart.
        _charon = ns.Start($"sh -c 'mount --bind {In("run")} /run && exec {Charon}'", new Dictionary<string, string> { ["STRONGSWAN_CONF"] = In("strongswan.conf") });
        try
        {
            Netns.Await(() => _charon.HasExited || File.Exists(Socket), "charon's control socket appears");
            if (_charon.HasExited) throw new InvalidOperationException($"charon ended at once:\n{_charon.Output}{Log}");
            var load = Swanctl("--load-all", "--noprompt");
            if (!load.Ok) throw new InvalidOperationException($"swanctl --load-all: {load.Output}\n{Log}");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Log => File.Exists(In("charon.log")) ? File.ReadAllText(In("charon.log")) : "";

    private string Socket => In("charon.vici");

    /// <summary>Runs swanctl against it; never longer than the timeout.</summary>
    public ShellResult Swanctl(string verb, params string[] arguments) => Shell.Try(
        "env", ["STRONGSWAN_CONF=" + In("strongswan.conf"), "SWANCTL_DIR=" + In("swanctl"), "swanctl", verb, .. arguments, "--uri", "unix://" + Socket], 40);

    public IReadOnlyList<LabIkeSa> Sas() =>
    [
        .. Swanctl("--list-sas", "--raw").Output.Split('\n')
            .Where(line => line.StartsWith("list-sa event", StringComparison.Ordinal))
            .SelectMany(line => ViciText.Parse(line).Sections)
            .Select(ReadIkeSa),
    ];

    public bool Initiate(out string said)
    {
        var result = Swanctl("--initiate", "--child", LabCase.Child, "--timeout", "20");
        said = result.Output;
        return result.Ok;
    }

    public void RekeyIke() => Must("--rekey", "--ike", LabCase.Connection);

    public void RekeyChild() => Must("--rekey", "--child", LabCase.Child);

    public void Terminate() => Must("--terminate", "--ike", LabCase.Connection, "--timeout", "20");

    public void Vanish() => _charon.Kill();

    public void Dispose()
    {
        _charon.Dispose();
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    private static LabIkeSa ReadIkeSa(ViciText.Section sa) => new(
        sa["initiator-spi"],
        sa["responder-spi"],
        sa["state"] == "ESTABLISHED",
        sa["remote-host"],
        int.TryParse(sa["remote-port"], out var port) ? port : 0,
        [.. (sa.Find("child-sas")?.Sections ?? []).Select(ReadChildSa)]);

    private static LabChildSa ReadChildSa(ViciText.Section child) => new(
        child["state"] == "INSTALLED",
        child["spi-in"].PadLeft(8, '0'),
        child["spi-out"].PadLeft(8, '0'),
        child["encap"] == "yes",
        child.Lists.GetValueOrDefault("local-ts", []),
        child.Lists.GetValueOrDefault("remote-ts", []),
        Number(child["packets-in"]),
        Number(child["packets-out"]));

    private static long Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private void Must(string verb, params string[] arguments)
    {
        var result = Swanctl(verb, arguments);
        if (!result.Ok) throw new InvalidOperationException($"swanctl {verb}: {result.Output}\n{Log}");
    }

    private string In(string name) => Path.Combine(_folder, name);
}
