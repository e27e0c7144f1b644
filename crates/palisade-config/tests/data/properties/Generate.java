import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;

/**
 * Generates property files and records what java.util.Properties makes of each.
 *
 * One JSON object a line: "in" is the file in base64, "out" an object of its keys and values in base64, or "error" is
 * "malformed" (Java throws) or "surrogate" (a key or value holds half of a surrogate pair, which no UTF-8 text can).
 * The seed is fixed: the output is the same on every run.
 */
public final class Generate {
    private static final String[] TOKENS = {
        "a", "b", "key", "k.e-y[0]", "é", "€", "\uD83D\uDE00", "\u00a0", "\u0085", "\u2028", "\u000b", "\u001c", "0",
        " ", " ", "\t", "\f", "=", "=", ":", "#", "!", "\\", "\\", "\\\\", "\\\\\\", "\\=", "\\:", "\\ ", "\\#", "\\t",
        "\\n", "\\r", "\\f", "\\q", "\\u0041", "\\u00e9", "\\uD83D\\uDE00", "\\u20AC", "\\u003d", "\\u0020",
        "\n", "\n", "\r", "\r\n", "\\\n", "\\\r\n", "\\\r", "\\\n  ", "\\\r\n\t", "\\\n#", "\n#", "\n!", "\n  #", "#x\\\n",
    };
    private static final String[] RARE = {
        "\\u", "\\u12", "\\u12g4", "\\uD83D", "\\uDE00", "\\uDE00\\uD83D", "\\uuuu", "\\\\u12", "\\U0041", "\\u 041",
    };
    private static final String[] LINES = {
        "key=value", "key = value", "key:value", "key value", "  key=value  ", "key==value", "key=:value", "key :=value",
        "key", "key=", "=value", ":value", "  =  value", "#comment", "! comment", "  # comment\\", "", "   ", "\t\f",
        "list=a,b,c", "long=one \\", "     two \\", "three", "odd\\\\\\", "even\\\\", "k\\ e\\ y=v", "k\\=e\\:y=v",
        "tab\\tkey=\\ttab", "uni\\u0063ode=\\u00e9t\\u00e9", "path=C:\\\\temp\\\\x", "lost=C:\\temp", "é=ü", "\\", "\\\\",
        "key\\", "key=\\", "key\\=\\", "a\\u000ab=c\\u000dd", "trail=x \\", "emoji=\uD83D\uDE00",
        "\\#hash=1", "\\!bang=1", "key\f=\fvalue", "key \t\f = \t\f value \t\f",
    };
    private static final String[] ENDS = {"\n", "\n", "\n", "\r\n", "\r\n", "\r", "\n\n", "\r\r\n", "\n\r"};

    public static void main(String[] arguments) throws IOException {
        Random random = new Random(20260101);
        PrintStream out = new PrintStream(arguments[0], StandardCharsets.UTF_8);
        List<String> files = new ArrayList<>();
        for (String line : LINES) {
            for (String end : new String[] {"", "\n", "\r\n", "\r"}) {
                files.add(line + end);
                files.add(line + end + "next=1");
                files.add("\\" + end + line);
            }
        }
        while (files.size() < 2200) {
            StringBuilder file = new StringBuilder();
            for (int count = random.nextInt(9); count >= 0; count--) {
                file.append(pick(random, LINES)).append(pick(random, ENDS));
            }
            files.add(random.nextBoolean() ? file.toString() : file.toString().stripTrailing());
        }
        while (files.size() < 4600) {
            StringBuilder file = new StringBuilder();
            for (int count = random.nextInt(24); count >= 0; count--) {
                file.append(random.nextInt(80) == 0 ? pick(random, RARE) : pick(random, TOKENS));
            }
            files.add(file.toString());
        }
        for (String file : files) {
            out.print("{\"in\":\"" + base64(file) + "\"," + read(file) + "}\n");
        }
        out.close();
    }

    private static String pick(Random random, String[] choices) {
        return choices[random.nextInt(choices.length)];
    }

    private static String read(String file) throws IOException {
        Properties properties = new Properties();
        try {
            properties.load(new StringReader(file));
        } catch (IllegalArgumentException malformed) {
            return "\"error\":\"malformed\"";
        }
        StringBuilder out = new StringBuilder();
        TreeMap<Object, Object> sorted = new TreeMap<>(properties);
        for (var entry : sorted.entrySet()) {
            String key = (String) entry.getKey();
            String value = (String) entry.getValue();
            if (!isText(key) || !isText(value)) {
                return "\"error\":\"surrogate\"";
            }
            out.append(out.length() == 0 ? "" : ",");
            out.append('"').append(base64(key)).append("\":\"").append(base64(value)).append('"');
        }
        return "\"out\":{" + out + "}";
    }

    private static boolean isText(String text) {
        return StandardCharsets.UTF_8.newEncoder().canEncode(text);
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
}
