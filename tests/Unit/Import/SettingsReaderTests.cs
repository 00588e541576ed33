using Gateway.Host.Import.Settings;
using Xunit;

namespace Gateway.Unit.Import;

/// <summary>The syntax of strongswan.conf(5), as far as the manual and strongSwan's behaviour tell it.</summary>
public sealed class SettingsReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("settings-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Sections_nest_and_a_value_ends_at_a_comment_a_brace_or_the_line()
    {
        var view = Read("""
            a = b   # a comment
            section-one {
              somevalue = as  df # two words are joined by one space
              subsection { othervalue = xxx }
            }
            section-two
            {
              x = 0sTGFi=={,:.
            }
            """);
        Assert.Equal("b", view["a"]);
        Assert.Equal("as df", view.Section("section-one")!["somevalue"]);
        Assert.Equal("xxx", view.Section("section-one")!.Section("subsection")!["othervalue"]);
        Assert.Equal("0sTGFi=={,:.", view.Section("section-two")!["x"]);
    }

    [Fact]
    public void Quotes_keep_what_is_in_them_and_know_escapes()
    {
        var view = Read("""
            a = "# not a comment }  two  spaces"
            b = "tab\there \"quoted\" \\ joined \
            line"
            "quoted name" = ""
            """);
        Assert.Equal("# not a comment }  two  spaces", view["a"]);
        Assert.Equal("tab\there \"quoted\" \\ joined line", view["b"]);
        Assert.Equal("", view["quoted name"]);
    }

    [Fact]
    public void A_later_value_replaces_an_earlier_one_and_an_empty_assignment_clears_it()
    {
        var view = Read("a = 1\na = 2\nb = 1\nb =\ns { x = 1 }\ns { y = 2 }\n");
        Assert.Equal("2", view["a"]);
        Assert.Null(view["b"]);
        Assert.Equal(["x", "y"], view.Section("s")!.Values.Select(v => v.Name));
    }

    [Fact]
    public void Sections_inherit_values_and_subsections_from_those_they_refer_to_left_to_right()
    {
        var view = Read("""
            connections {
              conn-a : conn-defaults, eap-defaults {
                mobike = yes
                children { child-a : child-defaults { } }
              }
              conn-b : connections.conn-a {
                rekey_time =
              }
            }
            conn-defaults {
              mobike = no
              rekey_time = 4h
              local { auth = psk }
            }
            eap-defaults {
              rekey_time = 1h
              remote { auth = eap-tls }
            }
            child-defaults {
              local_ts = 10.0.0.0/8
            }
            """);
        var a = view.Section("connections")!.Section("conn-a")!;
        Assert.Equal("yes", a["mobike"]);
        Assert.Equal("4h", a["rekey_time"]);
        Assert.Equal(["children", "local", "remote"], a.Sections.Select(s => s.Name));
        Assert.Equal("10.0.0.0/8", a.Section("children")!.Section("child-a")!["local_ts"]);
        var b = view.Section("connections")!.Section("conn-b")!;
        Assert.Null(b["rekey_time"]);
        Assert.Equal("10.0.0.0/8", b.Section("children")!.Section("child-a")!["local_ts"]);
    }

    [Fact]
    public void Included_files_extend_the_section_they_are_included_in_in_the_order_of_their_names()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "conf.d"));
        File.WriteAllText(Path.Combine(_folder, "conf.d/20-b.conf"), "x = b\ninclude \"../other.conf\"\n");
        File.WriteAllText(Path.Combine(_folder, "conf.d/10-a.conf"), "x = a\nonly-a = 1\n");
        File.WriteAllText(Path.Combine(_folder, "conf.d/.hidden.conf"), "x = hidden\n");
        File.WriteAllText(Path.Combine(_folder, "other.conf"), "y { z = 1 }");
        var notes = new List<SettingsError>();
        var view = Read("section {\n  x = before\n  include conf.d/[12]?-*.conf\n}\ninclude nothing/*.conf\n", notes);
        Assert.Equal("b", view.Section("section")!["x"]);
        Assert.Equal("1", view.Section("section")!["only-a"]);
        Assert.Equal("1", view.Section("section")!.Section("y")!["z"]);
        Assert.Equal(5, Assert.Single(notes).Origin.Line);
    }

    [Theory]
    [InlineData("a {\n  b = c\n", 3, "not closed")]
    [InlineData("a = b\n}\n", 2, "without a section")]
    [InlineData("a b\n", 1, "after \"a\"")]
    [InlineData("\n\na = \"b\n\n", 3, "quote")]
    [InlineData("a { { } }", 1, "name")]
    [InlineData("include self.conf", 1, "include each other")]
    [InlineData("a : a. { }", 1, "name")]
    [InlineData("a { b : a { } }", 1, "lies in")]
    public void A_fault_is_told_with_its_line(string text, int line, string sentence)
    {
        File.WriteAllText(Path.Combine(_folder, "self.conf"), "include self.conf");
        var error = Fail(text);
        Assert.Equal(line, error.Origin.Line);
        Assert.Contains(sentence, error.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void No_text_makes_the_reader_throw_or_hang()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        const string pieces = "ab{}=:,.#\"\\\n\t \r*";
        for (var run = 0; run < 3000; run++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(60)).Select(_ => pieces[random.Next(pieces.Length)])]);
            File.WriteAllText(Path.Combine(_folder, "fuzz.conf"), text);
            try
            {
                var root = SettingsReader.Read(Path.Combine(_folder, "fuzz.conf"), [], out var error);
                Assert.True(root is not null || error is not null);
                if (root is not null) SettingsView.Of(root, [], out _);
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, run {run}, text {System.Text.Json.JsonSerializer.Serialize(text)}: {e}");
            }
        }
    }

    private SettingsView Read(string text, List<SettingsError>? notes = null)
    {
        File.WriteAllText(Path.Combine(_folder, "swanctl.conf"), text);
        var root = SettingsReader.Read(Path.Combine(_folder, "swanctl.conf"), notes ?? [], out var error);
        Assert.True(root is not null, error?.ToString());
        var view = SettingsView.Of(root, notes ?? [], out error);
        Assert.True(view is not null, error?.ToString());
        return view;
    }

    private SettingsError Fail(string text)
    {
        File.WriteAllText(Path.Combine(_folder, "swanctl.conf"), text);
        var root = SettingsReader.Read(Path.Combine(_folder, "swanctl.conf"), [], out var error);
        if (root is not null) Assert.Null(SettingsView.Of(root, [], out error));
        Assert.NotNull(error);
        return error;
    }
}
